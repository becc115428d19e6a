"""``aos-workflow golden diff-debug`` and its script, as processes: the runbooks' calls, exit codes and files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.golden_samples import OTHER_SECRET, SECRET, legacy_golden
from tests.triage_samples import changed, report, run, simulation

from aos_workflow import cli

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "stress" / "golden_diff_debug.py"
DRAWN = (
    run(changed(2, output={"x": 0.6335013761892447})),
    run(changed(2, output={"x": 0.2710417937058941})),
)


def start(
    folder: Path, *command: str, secret: str | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("GOLDEN_")
    }
    if secret is not None:
        environment["GOLDEN_SECRET"] = secret
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def command(
    folder: Path, *arguments: str, secret: str | None = None
) -> subprocess.CompletedProcess[str]:
    return start(
        folder,
        sys.executable,
        "-m",
        "aos_workflow.cli",
        "golden",
        "diff-debug",
        *arguments,
        secret=secret,
    )


def script(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return start(folder, sys.executable, str(SCRIPT), *arguments)


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    (tmp_path / "a.steps.jsonl").write_bytes(DRAWN[0])
    (tmp_path / "b.steps.jsonl").write_bytes(DRAWN[1])
    return tmp_path


PAIR = ("--golden-a", "a.steps.jsonl", "--golden-b", "b.steps.jsonl")


def differs(number: int) -> dict[str, object]:
    where = {"step": "3:report", "skill": "report", "kind": "output", "expected": "a", "got": "b"}
    return report(number, "mismatch", divergence=where)


@pytest.mark.parametrize("call", [command, script])
def test_two_goldens(pair: Path, call) -> None:  # type: ignore[no-untyped-def]
    done = call(pair, *PAIR, "--verbose", "--output", "why.json", "--html", "why.html")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "VERDICT: FAIL"
    assert "CAUSE: unseeded-rng" in done.stdout
    assert "first divergence: step 3:report" in done.stdout
    assert done.stderr == ""
    document = json.loads((pair / "why.json").read_text())
    assert (document["schema"], document["verdict"]) == ("aos-triage/1", "FAIL")
    assert document["cause"]["cause"] == "unseeded-rng"
    assert (pair / "why.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("call", [command, script])
def test_the_same_golden_twice(pair: Path, call) -> None:  # type: ignore[no-untyped-def]
    done = call(pair, "--golden-a", "a.steps.jsonl", "--golden-b", "a.steps.jsonl")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "VERDICT: PASS")


def test_the_older_form_of_the_runbook(tmp_path: Path) -> None:
    golden = {"run_id": "r1", "seed": 42, "steps": [{"step_id": "a", "output": {"n": 1}}]}
    (tmp_path / "golden_a.json").write_bytes(legacy_golden(golden))
    (tmp_path / "golden_b.json").write_bytes(legacy_golden({**golden, "seed": 43}))
    arguments = ("--golden-a", "golden_a.json", "--golden-b", "golden_b.json", "--verbose")
    done = script(tmp_path, *arguments)
    assert done.returncode == 1
    assert "CAUSE: seed-mismatch" in done.stdout
    done = command(tmp_path, *arguments, secret=SECRET)
    assert "the signature is valid" in done.stdout
    done = command(tmp_path, *arguments, secret=OTHER_SECRET)
    assert "CAUSE: tampered" in done.stdout


def test_a_rule_is_tried_out(tmp_path: Path) -> None:
    for name, second in (("a", 1), ("b", 2)):
        golden = run(changed(1, output={"at": f"2026-01-01T00:00:0{second}Z"}))
        (tmp_path / f"{name}.steps.jsonl").write_bytes(golden)
    done = command(tmp_path, *PAIR)
    assert "rule:     .**.at: mask timestamp" in done.stdout
    done = command(tmp_path, *PAIR, "--rule", ".**.at: mask timestamp")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "VERDICT: PASS")


def test_a_damaged_golden_is_a_finding(pair: Path) -> None:
    (pair / "b.steps.jsonl").write_bytes(DRAWN[0][:-200])
    done = command(pair, *PAIR, "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert (document["cause"]["cause"], document["cause"]["line"]) == ("truncated", 6)
    (pair / "b.steps.jsonl").write_bytes(b"")
    assert command(pair, *PAIR).stdout.splitlines()[-1] == "VERDICT: FAIL"


def test_the_doctor_names_the_line(pair: Path) -> None:
    (pair / "plan.py").write_text(
        "import random\n\n\ndef make(seed):\n    return {'x': random.random()}\n"
    )
    done = command(pair, *PAIR, "--doctor", "plan.py:make")
    assert done.returncode == 1
    first = done.stdout.splitlines()[0]
    assert first.startswith("DOCTOR: unseeded-random")
    assert "plan.py:5  in make" in first


def test_a_doctor_that_cannot_look_does_not_hide_the_diagnosis(pair: Path) -> None:
    (pair / "tags.py").write_text("def tags(names):\n    return {'x': len([*names])}\n")
    done = command(
        pair, *PAIR, "--doctor", "tags.py:tags", "--output", "why.json", "--html", "why.html"
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "CAUSE: unseeded-rng" in done.stdout
    assert "DOCTOR: tags.py:tags could not be examined: " in done.stdout.splitlines()[-2]
    assert "TypeError" in json.loads((pair / "why.json").read_text())["doctor_problem"]
    assert "The doctor could not look" in (pair / "why.html").read_text()
    done = command(pair, *PAIR, "--doctor", "tags.py:tags", "--args", '[["a"]]')
    assert "DOCTOR" not in done.stdout
    for wrong in (("--args", "[1]"), ("--doctor", "tags.py:tags", "--args", "nonsense")):
        assert command(pair, *PAIR, *wrong).returncode == 2


def test_the_doctor_calls_a_skill_with_the_inputs_of_its_step(pair: Path) -> None:
    (pair / "plan.py").write_text(
        "import random\n\n\ndef report(query):\n    return {query.upper(): random.random()}\n"
    )
    done = command(pair, *PAIR, "--doctor", "plan.py:report")
    assert done.stdout.startswith("DOCTOR: unseeded-random"), done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--golden-a", "a.steps.jsonl"),
        ("--golden-b", "a.steps.jsonl"),
        (*PAIR, "--summary-dir", "."),
        (*PAIR, "extra"),
        ("--golden-a", "a.steps.jsonl", "--golden-b", "nowhere.json"),
        ("--golden-a", ".", "--golden-b", "a.steps.jsonl"),
        ("--summary-dir", "shadow_simulation_*"),
        ("--summary-dir", "."),
        (*PAIR, "--rule", "nonsense"),
        (*PAIR, "--output", "no/such/folder/x.json"),
    ],
)
def test_bad_input(
    pair: Path,
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(pair)
    assert cli.main(["golden", "diff-debug", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")


@pytest.fixture
def shadow(tmp_path: Path) -> Path:
    """What a shell finds for ``shadow_simulation_*``: two simulations, a folder and a log."""
    simulation(tmp_path / "shadow_simulation_1", [report(1), differs(2)], {2: DRAWN})
    simulation(tmp_path / "shadow_simulation_2", [report(1), differs(9)], {9: DRAWN})
    (tmp_path / "shadow_simulation_3").mkdir()
    (tmp_path / "shadow_simulation_x.log").write_text("started\n")
    return tmp_path


def expanded(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("shadow_simulation_*"))


def test_the_runbook_s_analysis(shadow: Path) -> None:
    done = script(
        shadow, "--summary-dir", *expanded(shadow), "--verbose", "--output", "analysis.json"
    )
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "VERDICT: FAIL"
    assert "ignored: shadow_simulation_3 has no status.json" in done.stdout
    assert "ignored: shadow_simulation_x.log is a file" in done.stdout
    assert "1. unseeded-rng in report" in done.stdout
    assert "2 mismatches of remediate, first in cycle 2, seed 1002" in done.stdout
    document = json.loads((shadow / "analysis.json").read_text())
    assert document["schema"] == "aos-triage-summary/1"
    assert [(group["cause"], group["count"]) for group in document["groups"]] == [
        ("unseeded-rng", 2)
    ]


def test_the_tabletop_exercise_sees_json(shadow: Path) -> None:
    done = script(shadow, "--summary-dir", *expanded(shadow))
    document = json.loads(done.stdout)
    assert (done.returncode, document["verdict"], document["mismatches"]) == (1, "FAIL", 2)
    assert len(document["ignored"]) == 2


def test_a_simulation_without_mismatches(tmp_path: Path) -> None:
    simulation(tmp_path / "shadow_1", [report(n) for n in range(5)])
    done = command(tmp_path, "--summary-dir", "shadow_1", "--html", "morning.html")
    assert done.returncode == 0
    assert "0 mismatches, 5 cycles" in done.stdout
    assert "0 mismatches" in (tmp_path / "morning.html").read_text()


def test_what_a_real_simulation_finds(tmp_path: Path) -> None:
    (tmp_path / "planted").mkdir()
    for name in ("unseeded_random", "set_order"):
        shutil.copy(ROOT / "tests" / "simulation" / "planted" / f"{name}.py", tmp_path / "planted")
    wanted = ("--workflows", "planted", "--cycles", "24", "--faults", "none", "--workers", "1")
    shadow = (sys.executable, "-m", "aos_workflow.cli", "shadow", "run", *wanted, "--out", "night")
    done = start(tmp_path, *shadow)
    assert done.returncode == 1, done.stdout + done.stderr
    document = json.loads(command(tmp_path, "--summary-dir", "night", "--json").stdout)
    assert document["cycles"] == 24
    assert {(group["cause"], group["skill"]) for group in document["groups"]} == {
        ("unseeded-rng", "jitter"),
        ("order-only", "unique"),
    }
    assert all(group["examined"] for group in document["groups"])


@pytest.mark.skipif(not (ROOT / ".venv" / "bin" / "python").exists(), reason="no environment")
def test_the_script_finds_the_environment_of_the_repository(pair: Path) -> None:
    plain = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if plain is None:
        pytest.skip("no python3 outside of the environment")
    done = start(pair, plain, str(SCRIPT), *PAIR)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "VERDICT: FAIL")


def test_help_shows_an_example(tmp_path: Path) -> None:
    done = command(tmp_path, "--help")
    assert done.returncode == 0
    assert "aos-workflow golden diff-debug --summary-dir" in done.stdout

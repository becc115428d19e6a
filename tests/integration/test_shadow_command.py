"""``aos-workflow shadow`` in processes of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest
from tests.simulation.fleet.command import alive, children, cycles, run, start, wait_for
from tests.simulation.fleet.simulate import numbers

SLOW = ("slow=0.002",)


def test_a_quick_run_of_the_shipped_workflows(tmp_path: Path) -> None:
    """The real thing, as the tabletop exercise types it."""
    command = ["scripts/stress/run_shadow_simulation.sh", "--quick", "--verbose"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    found = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert found.returncode == 0, found.stderr
    assert "3 cycles, 0 mismatches" in found.stdout
    assert sum(line.startswith("match cycle") for line in found.stdout.splitlines()) == 3
    assert found.stdout.endswith("VERDICT: PASS\n")
    status = ["scripts/stress/check_shadow_status.sh"]
    found = subprocess.run(status, capture_output=True, text=True, env=environment, check=False)
    assert (found.returncode, found.stdout.splitlines()[0]) == (0, "Status: DONE (target)")
    sanity = ["scripts/stress/shadow_sanity_check.sh"]
    found = subprocess.run(sanity, capture_output=True, text=True, env=environment, check=False)
    assert found.returncode == 0, found.stdout
    assert found.stdout.endswith("All checks pass\n")


def test_a_mismatch(tmp_path: Path) -> None:
    found = run("run", "--cycles", 20, "--out", tmp_path, "--workers", 1, script=["mismatch=7,9"])
    assert found.returncode == 1
    assert "20 cycles, 2 mismatches, 0 errors" in found.stdout
    assert f"aos-workflow shadow reproduce {tmp_path}/mismatches/cycle_7" in found.stdout
    assert "first in cycle 7, seed " in found.stdout
    assert found.stdout.endswith("VERDICT: FAIL\n")
    for command in ("status", "sanity"):
        found = run(command, tmp_path)
        assert found.returncode == 1
    assert "1 of 8 checks fail" in found.stdout


def test_json(tmp_path: Path) -> None:
    found = run("run", "--cycles", 5, "--out", tmp_path, "--workers", 1, "--verbose", "--json")
    document = json.loads(found.stdout)
    assert (document["ok"], document["verdict"], document["result"]["cycles"]) == (True, "PASS", 5)
    status = json.loads(run("status", tmp_path, "--json").stdout)
    assert (status["ok"], status["state"], status["cycles"]) == (True, "done", 5)
    sanity = json.loads(run("sanity", tmp_path, "--json").stdout)
    assert sanity["ok"]
    assert {"name", "ok", "text"} == set(sanity["checks"][0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--quick", "--cycles", 5), "--quick says"),
        (("run", "--cycles", 0), "greater than or equal to 1"),
        (("run", "--resume", "nowhere"), "no simulation"),
        (("run", "--resume", "nowhere", "--seed", 5), "the folder says what is simulated"),
        (("run", "--resume", "nowhere", "--out", "x"), "the folder says what is simulated"),
        (("run", "--quick", "--fleet", "moon"), "no fleet 'moon'"),
        (("status", "nowhere"), "no simulation"),
        (("sanity", "nowhere"), "no simulation"),
    ],
)
def test_bad_input(arguments: tuple[object, ...], message: str, tmp_path: Path) -> None:
    found = run(*arguments, env={"TMPDIR": str(tmp_path)})
    assert found.returncode == 2
    assert message in found.stderr
    assert "Traceback" not in found.stderr


def test_workflows_that_are_not_there(tmp_path: Path) -> None:
    found = run("run", "--quick", "--out", tmp_path, script=["unloadable"])
    assert found.returncode == 2
    assert "no module 'unloadable'" in found.stderr
    again = run("run", "--quick", "--out", tmp_path)
    assert again.returncode == 0  # nothing was begun there


def test_a_damaged_folder_is_not_resumed(tmp_path: Path) -> None:
    assert run("run", "--quick", "--out", tmp_path).returncode == 0
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(b"{}\n" + journal.read_bytes())
    found = run("run", "--resume", tmp_path, "--cycles", 5)
    assert found.returncode == 2
    assert "journal.jsonl:1: damaged" in found.stderr
    (tmp_path / "simulation.json").write_text("{}")
    found = run("run", "--resume", tmp_path)
    assert "holds no simulation that can be read" in found.stderr


def test_the_newest_folder_is_the_one_that_is_meant(tmp_path: Path) -> None:
    env = {"TMPDIR": str(tmp_path)}
    for script in (["mismatch=1"], []):
        run("run", "--quick", script=script, env=env)
    folders = sorted(tmp_path.glob("shadow_simulation_*"))
    assert len(folders) == 2
    found = run("status", env=env)
    assert found.returncode == 0
    assert f"Folder: {folders[1]}" in found.stdout


def test_a_hook_that_is_no_address(tmp_path: Path) -> None:
    found = run("run", "--quick", "--out", tmp_path, env={"SHADOW_HOOK": "nonsense://token"})
    assert found.returncode == 2
    assert "token" not in found.stderr


def test_the_lines_of_each_cycle(tmp_path: Path) -> None:
    found = run("run", "--cycles", 4, "--out", tmp_path, "--verbose", script=["mismatch=2"])
    lines = [line for line in found.stdout.splitlines() if "cycle " in line and "seed" in line]
    words = [line.split()[:4] for line in lines if "first in" not in line]
    assert words == [
        ["match", "cycle", "0", "compute"],
        ["match", "cycle", "1", "io"],
        ["MISMATCH", "cycle", "2", "llm"],
        ["match", "cycle", "3", "compute"],
    ]


def test_rounds(tmp_path: Path) -> None:
    options = ("--cycles", 3, "--workflows-per-cycle", 5, "--cycle-interval", "0.1")
    found = run("run", *options, "--out", tmp_path)
    assert found.returncode == 0
    assert numbers(tmp_path)["match"] == list(range(15))


def test_a_signal_drains_and_resume_goes_on(tmp_path: Path) -> None:
    process = start("run", "--cycles", 400, "--out", tmp_path, "--workers", 2, script=SLOW)
    wait_for(lambda: cycles(tmp_path) > 20)
    below = children(process.pid)
    assert len(below) >= 4
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert not any(alive(pid) for pid in below)
    summary = json.loads((tmp_path / "summary.json").read_bytes())
    assert summary["run"]["ended_by"] == "SIGTERM"
    assert 20 < summary["result"]["cycles"] < 400
    resumed = run("run", "--resume", tmp_path, "--workers", 2)
    assert resumed.returncode == 0
    assert numbers(tmp_path)["match"] == list(range(400))


def test_two_in_one_folder(tmp_path: Path) -> None:
    process = start("run", "--out", tmp_path, "--workers", 1, script=SLOW)
    try:
        wait_for(lambda: cycles(tmp_path) > 0)
        for arguments in (("--out", tmp_path), ("--resume", tmp_path)):
            second = run("run", "--quick", *arguments)
            assert second.returncode == 2
            assert f"process {process.pid}" in second.stderr
        assert run("status", tmp_path).stdout.startswith("Status: RUNNING")
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_a_hang_up_that_is_ignored(tmp_path: Path) -> None:
    """As ``nohup`` starts it."""
    out, log = tmp_path / "out", tmp_path / "log"
    with log.open("w") as file:
        process = start(
            "run",
            *("--cycles", 200, "--out", out, "--workers", 1),
            script=SLOW,
            stdout=file,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
        )
    wait_for(lambda: cycles(out) > 0)
    process.send_signal(signal.SIGHUP)
    assert process.wait(30) == 0
    assert cycles(out) == 200
    assert "200 cycles, 0 mismatches" in log.read_text()


def test_nobody_reads_its_output(tmp_path: Path) -> None:
    process = start(
        *("run", "--cycles", 100, "--out", tmp_path, "--workers", 1, "--verbose"),
        script=SLOW,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(30) == 0
    assert cycles(tmp_path) == 100


def test_a_terminal_gets_a_line_that_is_renewed(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = start(
        *("run", "--cycles", 300, "--out", tmp_path, "--workers", 1),
        script=SLOW,
        stdout=theirs,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(ours)
    assert process.wait(30) == 0
    assert "━".encode() in shown
    assert b"0 mismatches" in shown
    assert b"VERDICT: PASS" in shown

"""The scripts of stress runs, and the runbook's steps after a mismatch, as they are typed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.meta.repository import ROOT
from tests.simulation.fleet.scripted import RUNNER

STRESS = ROOT / "scripts" / "stress"
SCRIPTS = sorted({*STRESS.glob("*.sh"), *STRESS.with_name("ops").glob("*.sh")})
DRILLS = ("multi_worker_determinism", "fault_injection", "cpu_stress_replay")


def script(
    name: str, *arguments: object, cwd: Path = ROOT, **env: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [STRESS / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={
            **os.environ,
            "AOS_WORKFLOW": f"{Path(sys.executable).parent}/aos-workflow",
            "PYTHONPATH": str(ROOT),
            **env,
        },
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("path", sorted(STRESS.glob("*.sh")), ids=lambda path: path.name)
def test_every_script_can_be_run_and_says_what_it_is_for(path: Path) -> None:
    assert path.name == "environment.sh" or os.access(path, os.X_OK)
    subprocess.run(["sh", "-n", path], check=True)
    lines = path.read_text().splitlines()
    assert lines[0] == "#!/bin/sh" or path.name == "environment.sh"
    assert lines[1].startswith("#")
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "-x", path], check=True)


@pytest.mark.parametrize("drill", DRILLS)
def test_a_drill_that_finds_nothing(drill: str, tmp_path: Path) -> None:
    options = ("--cycles", 60, "--runner", RUNNER)
    found = script(f"{drill}.sh", *options, OUT=str(tmp_path / "out"))
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[-1].endswith(("found the same", "VERDICT: PASS"))


def test_a_drill_that_finds_something(tmp_path: Path) -> None:
    options = ("--cycles", 60, "--runner", RUNNER, "--workflows", "mismatch=7")
    found = script("fault_injection.sh", *options, OUT=str(tmp_path))
    assert found.returncode == 1
    assert "faults heavy: VERDICT: FAIL" in found.stdout


def test_a_drill_with_bad_input(tmp_path: Path) -> None:
    found = script("cpu_stress_replay.sh", "--cycles", "many", OUT=str(tmp_path))
    assert found.returncode == 2


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_help_is_help_and_begins_nothing(path: Path, tmp_path: Path) -> None:
    if path.name == "environment.sh":
        return
    given = [["--help"], ["-h"], *([["--cycles", 3, "--help"]] if path.stem in DRILLS else [])]
    for arguments in given:
        found = script(str(path), *arguments, cwd=tmp_path, OUT=str(tmp_path / "out"))
        assert (found.returncode, found.stderr) == (0, "")
        assert found.stdout.startswith(path.read_text().splitlines()[1].removeprefix("# "))
        assert path.name in found.stdout
        assert "Deterministic" not in found.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        *(f"stress/{drill}.sh --unheard-of" for drill in DRILLS),
        "stress/checkpoint_stress.sh --unheard-of",
        "stress/checkpoint_stress.sh 0",
        "stress/checkpoint_stress.sh 3 many",
        "stress/checkpoint_stress.sh 3 100 more",
        "ops/backup-goldens.sh",
        "ops/backup-goldens.sh --daily more",
        "ops/collect-incident.sh --unheard-of",
        "ops/disable-workflows.sh enable more",
        "ops/tabletop.sh --unheard-of",
        "ops/tabletop.sh a.md b.md",
    ],
)
def test_arguments_that_a_script_does_not_know(words: str, tmp_path: Path) -> None:
    name, *arguments = words.split()
    found = script(f"../{name}", *arguments, cwd=tmp_path, OUT=str(tmp_path / "out"))
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr


STAND_IN = """#!/bin/sh
while [ $# -gt 0 ]; do
    [ "$1" != --out ] || out=$2
    shift
done
mkdir -p "$out"
echo '{WRITTEN}' >"$out/summary.json"
echo '{SAID}'
"""


@pytest.mark.parametrize(
    ("name", "written", "said", "why"),
    [
        ("checkpoint_stress", '"digest": "ab"', "VERDICT: PASS", "nothing was killed"),
        ("checkpoint_stress", "", "VERDICT: PASS", "no digest"),
        *((drill, "", "VERDICT: PASS", "no digest") for drill in DRILLS),
        ("fault_injection", '"digest": "ab"', "Options:", "no verdict"),
    ],
)
def test_a_drill_in_which_nothing_happened_fails(
    name: str, written: str, said: str, why: str, tmp_path: Path
) -> None:
    stand_in = tmp_path / "aos-workflow"
    stand_in.write_text(STAND_IN.replace("{WRITTEN}", written).replace("{SAID}", said))
    stand_in.chmod(0o755)
    found = script(f"{name}.sh", AOS_WORKFLOW=str(stand_in), OUT=str(tmp_path / "out"))
    assert found.returncode == 1, found.stdout
    assert why in found.stderr


@pytest.mark.slow
def test_checkpoints_under_stress(tmp_path: Path) -> None:
    """Real workflows under heavy faults, killed and resumed."""
    found = script("checkpoint_stress.sh", 3, 1000, OUT=str(tmp_path))
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Nothing lost, nothing counted twice" in found.stdout


@pytest.mark.slow
@pytest.mark.parametrize("drill", DRILLS)
def test_a_drill_of_the_shipped_workflows(drill: str, tmp_path: Path) -> None:
    found = script(f"{drill}.sh", "--cycles", 150, OUT=str(tmp_path))
    assert found.returncode == 0, found.stdout + found.stderr


BROKEN = """
import random

from aos_workflow.engine import workflow
from aos_workflow.skills import skill


@skill("quote", side_effects="none")
async def quote(goods: str) -> float:
    return round(random.random(), 6)


@workflow("billing")
async def billing(ctx, goods: str) -> float:
    return await ctx.step(quote, goods)


@workflow("greeting")
async def greeting(ctx, name: str) -> str:
    return f"hello {name}"
"""
FIXED = BROKEN.replace(
    "async def quote(goods: str) -> float:\n    return round(random.random(), 6)",
    "async def quote(goods: str) -> float:\n    return random.Random(goods).random()",
)
TEN_TIMES = """
import asyncio
from aos_workflow.checkpoint.memory import MemoryStore
from flows import billing, quote
from aos_workflow.engine import WorkflowEngine
from aos_workflow.skills import SkillRegistry

async def test():
    registry = SkillRegistry()
    registry.register(quote)
    engine = WorkflowEngine(registry, MemoryStore(), workflows=[billing])
    for i in range(10):
        inputs = {"goods": "tea"}
        result = await engine.run(workflow_type="billing", seed=12345 + i, inputs=inputs)
        print(f"Iteration {i}: {result.workflow_hash}")

asyncio.run(test())
"""


def test_the_steps_after_a_mismatch(tmp_path: Path) -> None:
    """Stop, collect, analyse, find the cause, run ten of the failing type again, release: seed 001's runbook."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "flows.py").write_text(BROKEN)
    env = {"TMPDIR": str(tmp_path), "WORKFLOW_STOP_FILE": str(tmp_path / "stop")}
    env["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def shell(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", command],
            capture_output=True,
            text=True,
            cwd=work,
            env={**os.environ, "REPO": str(ROOT), "PYTHONPATH": str(work), **env},
            timeout=120,
            check=False,
        )

    # A mismatch is detected.
    night = shell("$REPO/scripts/stress/run_shadow_simulation.sh --cycles 30 -w flows.py")
    assert night.returncode == 1
    assert shell("$REPO/scripts/stress/check_shadow_status.sh").returncode == 1

    # 1. Stop new workflows.
    assert "Stop file created" in shell("$REPO/scripts/ops/disable-workflows.sh enable").stdout
    assert "STOPPED" in shell("$REPO/scripts/ops/disable-workflows.sh status").stdout

    # 2. Collect artifacts.
    incident = tmp_path / "incident_1"
    collect = f'mkdir {incident} && cp -r "$TMPDIR"/shadow_simulation_* {incident}'
    assert shell(f"{collect} && tar -czf {incident}.tgz -C {tmp_path} incident_1").returncode == 0
    assert incident.with_suffix(".tgz").stat().st_size > 0

    # 3. Analyse.
    debug = f"{sys.executable} $REPO/scripts/stress/golden_diff_debug.py"
    analysed = shell(
        f'{debug} --summary-dir "$TMPDIR"/shadow_simulation_* --verbose --output {incident}/analysis.json'
    )
    assert analysed.returncode == 1, analysed.stderr
    assert analysed.stdout.endswith("VERDICT: FAIL\n")
    assert json.loads((incident / "analysis.json").read_bytes())

    # 4. The cause: what was found says which workflow and step, and shows it again.
    (group,) = json.loads(next(tmp_path.glob("shadow_*/summary.json")).read_bytes())["result"][
        "groups"
    ]
    assert (group["workflow"], group["place"]) == ("billing", "quote")
    command = re.search(r"aos-workflow shadow reproduce \S+", night.stdout)
    assert command is not None
    assert shell(command[0]).returncode == 1

    # The fix; 5. ten iterations of the failing type, and of the simulation.
    (work / "flows.py").write_text(FIXED)
    env["WORKFLOW_STOP_FILE"] = str(tmp_path / "none")  # this machine alone may run them
    (work / "ten.py").write_text(TEN_TIMES)
    runs = [shell(f"{sys.executable} ten.py") for _ in range(2)]
    assert runs[0].stdout.count("Iteration ") == 10, runs[0].stderr
    assert runs[0].stdout == runs[1].stdout
    again = shell("$REPO/scripts/stress/run_shadow_simulation.sh --cycles 10 -w flows.py")
    assert "10 cycles, 0 mismatches" in again.stdout
    assert shell("$REPO/scripts/stress/shadow_sanity_check.sh").stdout.endswith("All checks pass\n")

    # 6. Release.
    env["WORKFLOW_STOP_FILE"] = str(tmp_path / "stop")
    assert "Stop file removed" in shell("$REPO/scripts/ops/disable-workflows.sh disable").stdout
    assert "RUNNING" in shell("$REPO/scripts/ops/disable-workflows.sh status").stdout

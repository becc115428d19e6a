"""The command line on a real database: a run from its start to its replay, and every switch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.databases import fresh_database, server
from tests.meta.repository import ROOT

MODULE = """
import asyncio
from pathlib import Path
from aos_workflow.engine import workflow
from aos_workflow.skills import skill

@skill("pay", side_effects="writes", cost_cents=3)
async def pay(amount: int) -> str:
    with Path("paid.log").open("a") as log:
        log.write(f"{amount}\\n")
    return f"paid {amount}"

@skill("check", side_effects="reads")
async def check() -> str:
    if not Path("fixed").exists():
        raise RuntimeError("not fixed yet")
    return "checked"

@workflow("billing")
async def billing(ctx, amount: int):
    paid = await ctx.step(pay, amount)
    await ctx.step(check)
    return paid

@workflow("slow")
async def slow(ctx):
    await ctx.call(asyncio.sleep, 30)
"""
START = """
import asyncio, sys
import flows
from aos_workflow.engine import WorkflowEngine
async def main():
    engine = WorkflowEngine(workflows=[flows.billing, flows.slow])
    name, run_id = sys.argv[1:3]
    await engine.start(name, run_id=run_id, seed=7, inputs={"amount": 5} if name == "billing" else {})
    await engine.store.close()
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with server() as found, fresh_database(found) as url:
        yield url


class Shell:
    """A folder with workflows, and commands in it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        (folder / "flows.py").write_text(MODULE)
        hidden = (
            "GOLDEN_SECRET",
            "GOLDEN_HMAC_SECRET",
            "GOLDEN_KEY_FILE",
            "REDIS_URL",
            "AOS_POLICY_FILE",
        )
        self.env = {name: value for name, value in os.environ.items() if name not in hidden}
        self.env |= {
            "DATABASE_URL": url,
            "AOS_HOME": str(folder / "home"),
            "GOLDEN_DIR": str(folder / "golden"),
            "GOLDEN_SECRET": "a secret of these tests",
            "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
        }

    def __call__(self, *arguments: str, expect: int = 0, **env: str) -> str:
        command = [sys.executable, "-m", "aos_workflow.cli", *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == expect, (arguments, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout if expect != 2 else done.stdout + done.stderr

    def json(self, *arguments: str, expect: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", expect=expect))

    def start(self, name: str, run_id: str) -> None:
        subprocess.run(
            [sys.executable, "-c", START, name, run_id],
            cwd=self.folder,
            env=self.env,
            timeout=60,
            check=True,
        )


@pytest.fixture
def shell(tmp_path: Path, database: str) -> Shell:
    return Shell(tmp_path, database)


def test_a_run_fails_is_mended_retried_and_replayed(shell: Shell) -> None:
    run = f"bill-{shell.folder.name}"
    shell.start("billing", run)
    shell("worker", "-w", "flows", "--until-idle")
    failed = shell.json("inspect", "--run", run, expect=1)
    assert failed["run"]["error_code"] == "EXECUTION_ERROR"
    assert [step["status"] for step in failed["steps"]] == ["completed", "failed"]
    assert "retry" in failed["next"][0]
    (shell.folder / "fixed").touch()
    shell("retry", "--run", run)
    lines = shell("worker", "-w", "flows", "--until-idle").splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["run_taken", "run_left"]
    assert (shell.folder / "paid.log").read_text() == "5\n"
    done = shell.json("inspect", "--run", run)
    assert done["run"]["status"] == "completed"
    assert done["golden"]["verdict"] == "ok"
    text = shell("inspect", "--run", run)
    assert "1:pay" in text
    assert "completed" in text
    tail = shell("golden-tail", "--run", run, "--lines", "2").splitlines()
    assert json.loads(tail[-1])["event_type"] == "run_end"
    replay = shell(
        "replay-local", "--run", run, "-w", "flows", DATABASE_URL="postgresql://nowhere:1/x"
    )
    assert replay.splitlines()[0].startswith("match 1:pay ")
    assert "--workflows MODULE" in shell("replay-local", "--run", run, expect=2)
    golden = shell.folder / "golden" / f"{run}.steps.jsonl"
    whole = golden.read_bytes()
    for damaged, code in (
        (whole.replace(b'"amount":5', b'"amount":6', 1), "TAMPER_DETECTED"),
        (whole.replace(b"{", b"[", 1), "GOLDEN_SYNTAX"),
        (b"", "GOLDEN_EMPTY"),
    ):
        golden.write_bytes(damaged)
        found = shell.json("inspect", "--run", run, expect=1)
        assert (found["ok"], found["golden"]["verdict"]) == (False, code)
        assert "golden verify" in found["next"][0]
        assert "security-incident.md" in found["next"][0]
        assert "golden restore" in found["next"][1]
        assert "replay-local" not in " ".join(found["next"])
    golden.write_bytes(whole)
    flows = shell.folder / "flows.py"
    flows.write_text(MODULE.replace("pay, amount)", "pay, amount + 1)"))
    changed = shell.json("replay-local", "--run", run, "-w", "flows", expect=1)
    assert changed["error"]["code"] == "REPLAY_DIVERGENCE"
    assert changed["error"]["diffs"][0]["path"] == ".amount"
    assert "flows.py" in changed["error"]["file"]


def test_unknown_runs_and_modules_are_bad_input(shell: Shell) -> None:
    assert "no run 'nope'" in shell("inspect", "--run", "nope", expect=2)
    assert "no module 'nope'" in shell("worker", "-w", "nope", expect=2)
    assert "no golden of run 'nope'" in shell("replay-local", "--run", "nope", expect=2)


def test_a_fork_keeps_the_first_steps(shell: Shell) -> None:
    run = f"fork-{shell.folder.name}"
    (shell.folder / "fixed").touch()
    shell.start("billing", run)
    shell("worker", "-w", "flows", "--until-idle")
    shell("fork", "--run", run, "--step", "2:check", "--new-run", f"{run}.b")
    shell("worker", "-w", "flows", "--until-idle")
    assert (shell.folder / "paid.log").read_text() == "5\n"
    assert shell.json("inspect", "--run", f"{run}.b")["run"]["status"] == "completed"
    assert "no committed step" in shell("fork", "--run", run, "--step", "9:x", expect=2)
    assert "no committed step" in shell("fork", "--run", run, "--step", "²", expect=2)


def test_cancelling_says_what_it_would_do_first(shell: Shell) -> None:
    run = f"cancel-{shell.folder.name}"
    shell.start("billing", run)
    assert "with --yes" in shell("cancel", "--run", run)
    assert shell.json("inspect", "--run", run)["run"]["status"] == "queued"
    shell("cancel", "--run", run, "--yes")
    assert shell.json("inspect", "--run", run)["run"]["status"] == "cancelled"
    for sure in (["--yes"], []):
        assert "cannot be cancelled" in shell("cancel", "--run", run, *sure, expect=2)


def test_a_worker_drains_on_sigterm_and_gives_back_what_does_not_end(shell: Shell) -> None:
    run = f"slow-{shell.folder.name}"
    shell.start("slow", run)
    command = [sys.executable, "-m", "aos_workflow.cli", "worker", "-w", "flows", "--drain", "0.2"]
    with subprocess.Popen(
        command, cwd=shell.folder, env=shell.env, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        for line in worker.stdout:
            if '"run_taken"' in line:
                break
        running = shell.json("list-running")
        assert run in [each["run_id"] for each in running["runs"]]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=20) == 0
        assert '"worker_stopped"' in worker.stdout.read()
    assert shell.json("inspect", "--run", run)["run"]["status"] == "queued"
    shell("cancel", "--run", run, "--yes")


def test_skills_and_the_fleet_are_switched(shell: Shell) -> None:
    run = f"off-{shell.folder.name}"
    (shell.folder / "fixed").touch()
    shell("worker", "-w", "flows", "--until-idle")
    shell("skills", "disable", "pay", "--reason", "INC-123")
    (row,) = [row for row in shell.json("skills", "list")["skills"] if row["skill_id"] == "pay"]
    assert (row["version"], row["disabled_reason"]) == ("1", "INC-123")
    shell.start("billing", run)
    shell("worker", "-w", "flows", "--until-idle")
    found = shell.json("inspect", "--run", run, expect=1)
    assert found["run"]["error_code"] == "SKILL_DISABLED"
    assert "INC-123" in found["run"]["error_message"]
    shell("skills", "enable", "pay")
    shell("stop", "enable", "--reason", "incident")
    assert "STOPPED" in shell("stop", "status", expect=1)
    shell("retry", "--run", run)
    shell("worker", "-w", "flows", "--until-idle")
    assert shell.json("inspect", "--run", run)["run"]["status"] == "suspended"
    shell("stop", "disable")
    assert shell("stop", "status").strip() == "Status: RUNNING"
    assert "completed" in shell("resume", "--run-id", run, "-w", "flows")


def test_the_stop_file_and_its_script(shell: Shell) -> None:
    script = ROOT / "scripts" / "ops" / "disable-workflows.sh"

    def ops(verb: str) -> tuple[int, str]:
        done = subprocess.run(
            [script, verb], env=shell.env, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout.strip()

    assert ops("status") == (0, "Status: RUNNING")
    for _ in range(2):
        assert ops("enable")[1].startswith("Stop file created")
    assert ops("status") == (1, "Status: STOPPED")
    assert "STOPPED" in shell("stop", "status", expect=1)
    run = f"stop-{shell.folder.name}"
    (shell.folder / "fixed").touch()
    refused = subprocess.run(
        [sys.executable, "-c", START, "billing", run],
        cwd=shell.folder,
        env=shell.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "EmergencyStopError" in refused.stderr
    for _ in range(2):
        assert ops("disable")[1].startswith("Stop file removed")
    assert ops("status") == (0, "Status: RUNNING")
    assert ops("nonsense")[0] == 2


def test_limits_are_shown_with_where_they_come_from(shell: Shell) -> None:
    rows = {row["name"]: row for row in shell.json("policy", "show")["limits"]}
    assert (rows["workflow_ceiling_cents"]["value"], rows["workflow_ceiling_cents"]["source"]) == (
        1000.0,
        "default",
    )
    shell.env["DEFAULT_WORKFLOW_CEILING_CENTS"] = "10000"
    rows = {row["name"]: row for row in shell.json("policy", "show")["limits"]}
    assert rows["workflow_ceiling_cents"] == {
        "name": "workflow_ceiling_cents",
        "value": 10000.0,
        "source": "DEFAULT_WORKFLOW_CEILING_CENTS",
    }
    shell.env["DEFAULT_WORKFLOW_CEILING_CENTS"] = "much"
    assert "expected a number of cents" in shell("policy", "show", expect=2)


def test_the_schema(shell: Shell) -> None:
    assert shell.json("db", "status")["ok"]
    assert "nothing to do" in shell("db", "migrate")
    assert "reindexed" in shell("db", "reindex")


def test_over_budget_suspends_and_a_raise_lets_it_finish(shell: Shell) -> None:
    run = f"budget-{shell.folder.name}"
    (shell.folder / "fixed").touch()
    shell.start("billing", run)
    shell("worker", "-w", "flows", "--until-idle", DEFAULT_WORKFLOW_CEILING_CENTS="2")
    found = shell.json("inspect", "--run", run)
    assert found["run"]["status"] == "suspended"
    assert found["run"]["error_code"] == "BUDGET_EXCEEDED"
    assert "would cost 3 cents" in found["run"]["reason"]
    assert f"resume --run-id {run} --workflows MODULE" in found["next"][0]
    known = shell.json("inspect", "--run", run, "-w", "flows")["next"][0]
    assert f"resume --run-id {run} --workflows flows" in known
    assert "--workflows MODULE" in shell("resume", "--run-id", run, expect=2)
    assert "--workflows MODULE" in shell("start", "two", expect=2)
    assert "has not ended" in shell("replay-local", "--run", run, "-w", "flows", expect=2)
    shell("resume", "--run-id", run, "-w", "flows", DEFAULT_WORKFLOW_CEILING_CENTS="10000")
    assert (shell.folder / "paid.log").read_text() == "5\n"


def test_one_run_over_budget_gets_a_ceiling_of_its_own(shell: Shell) -> None:
    run = f"raised-{shell.folder.name}"
    (shell.folder / "fixed").touch()
    shell.start("billing", run)
    low = {"DEFAULT_WORKFLOW_CEILING_CENTS": "2"}
    shell("worker", "-w", "flows", "--until-idle", **low)
    resume = ("resume", "--run-id", run, "-w", "flows")
    assert "from 0 to" in shell(*resume, "--budget-cents", "-1", expect=2, **low)
    assert "completed" in shell(*resume, "--budget-cents", "10", **low)
    assert shell.json("inspect", "--run", run)["run"]["status"] == "completed"

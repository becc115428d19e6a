"""Commands about runs in real processes on a real database: what they print, refuse, and write with --json."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from tests.command_shell import CommandShell, same_shape
from tests.databases import fresh_database, server

MODULE = """
import time
from pathlib import Path
from aos_workflow.engine import workflow
from aos_workflow.skills import skill

def reachable():
    if Path("down").exists():
        raise ConnectionError("search.example does not answer")

@skill("search", side_effects="reads", cost_cents=2, probe=reachable)
async def search(query: str) -> str:
    if query == "bad":
        raise RuntimeError("no such index")
    return query.upper()

@skill("hang", probe=lambda: time.sleep(60))
def hang() -> int:
    return 1

@skill("plain")
def plain() -> int:
    return 1

@workflow("ask")
async def ask(ctx, query: str):
    found = await ctx.step(search, query)
    answer = await ctx.approve("publish", {"found": found})
    return [found, answer.decision, answer.payload]

@workflow("find")
async def find(ctx, query: str):
    return await ctx.step(search, query)
"""
SPEC = """
workflow_id: as_data
inputs: {n: {type: integer, default: 1}}
steps:
  - {step_id: a, skill: plain}
"""
RUNS = """
import asyncio, jobs
from aos_workflow.engine import Worker, WorkflowEngine
async def main():
    engine = WorkflowEngine(workflows=[jobs.find, jobs.ask])
    for workflow, run, query in (
        ("find", "ok-1", "x"), ("find", "ok-2", "y"), ("find", "bad-1", "bad"),
        ("ask", "ask-1", "q"), ("ask", "ask-2", "q"),
    ):
        await engine.start(workflow, run_id=run, seed=7, inputs={"query": query})
    await Worker(engine).run_until_idle()
    await engine.close()
    await engine.store.close()
asyncio.run(main())
"""
TEXT, MAYBE = str, (str, type(None))
RUN = {
    "run_id": TEXT,
    "workflow_id": TEXT,
    "spec_hash": TEXT,
    "tenant_id": TEXT,
    "seed": int,
    "status": TEXT,
    "version": int,
    "next_step_index": int,
    "last_result_hash": MAYBE,
    "reason": MAYBE,
    "error_code": MAYBE,
    "error_message": MAYBE,
    "owner": MAYBE,
    "attempts": int,
    "created_at": TEXT,
    "updated_at": TEXT,
}
STEP = {
    "step_path": TEXT,
    "step_index": int,
    "step_id": TEXT,
    "kind": TEXT,
    "status": TEXT,
    "skill_id": MAYBE,
    "skill_version": MAYBE,
    "attempts": int,
    "cost_cents": float,
    "input_hash": TEXT,
    "output_hash": MAYBE,
    "started_at": MAYBE,
    "completed_at": TEXT,
    "error_code": MAYBE,
    "error_message": MAYBE,
}
APPROVAL = {
    "run_id": TEXT,
    "step_path": TEXT,
    "kind": TEXT,
    "name": TEXT,
    "request": object,
    "decision": MAYBE,
    "decided_by": MAYBE,
    "requested_at": TEXT,
    "decided_at": MAYBE,
    "expires_at": MAYBE,
}


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with server() as found, fresh_database(found) as url:
        yield url


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, database: str) -> CommandShell:
    folder = tmp_path_factory.mktemp("commands")
    (folder / "jobs.py").write_text(MODULE)
    (folder / "as_data.yaml").write_text(SPEC)
    found = CommandShell(folder, DATABASE_URL=database, AOS_HOME=str(folder / "home"))
    found.python(RUNS)
    return found


def sql(url: str, statement: str, *arguments: Any) -> list[Any]:
    async def ask() -> list[Any]:
        connection = await asyncpg.connect(url, server_settings={"search_path": "aos"})
        try:
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()

    return asyncio.run(ask())


# start


def test_start_queues_a_run_once(shell: CommandShell) -> None:
    given = ("start", "find", "-w", "jobs", "--run", "started", "--input", '{"query": "q"}')
    first = shell.json(*given, "--seed", "3", "--queue", "nobody", "--tenant", "acme")
    assert same_shape(first, {"ok": bool, "run": RUN})
    assert (first["run"]["status"], first["run"]["seed"]) == ("queued", 3)
    assert first["run"]["tenant_id"] == "acme"
    conflict = shell.json(*given, "--seed", "4", "--tenant", "acme", expect=2)
    assert conflict["error"]["code"] == "RUN_CONFLICT"
    shell.run("cancel", "--run", "started", "--yes")


def test_a_workflow_that_is_data_is_started_again_without_its_file(shell: CommandShell) -> None:
    shell.run("start", "as_data", "-w", "as_data.yaml", "-w", "jobs", "--run", "data-1")
    assert "run data-2 is queued" in shell.text("start", "as_data", "--run", "data-2")
    for run in ("data-1", "data-2"):
        shell.run("cancel", "--run", run, "--yes")


def test_a_run_that_is_data_is_not_failed_for_want_of_its_skills(shell: CommandShell) -> None:
    shell.run("start", "as_data", "-w", "as_data.yaml", "-w", "jobs", "--run", "data-3")
    refused = shell.json("resume", "--run-id", "data-3", expect=2)
    assert "needs skills that are not known here: plain" in refused["error"]["message"]
    assert "--workflows MODULE" in refused["error"]["hint"]
    assert "queued" in shell.text("inspect", "--run", "data-3")
    assert shell.json("resume", "--run-id", "data-3", "-w", "jobs")["status"] == "completed"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["nope", "-w", "jobs"], "no workflow 'nope' is known here"),
        (["find", "-w", "jobs", "--input", "{"], "--input"),
        (["find", "-w", "jobs", "--input", "[]"], "--input must be an object"),
        (["find", "-w", "jobs", "--input", '{"other": 1}'], "missing a required argument: 'query'"),
        (["find", "-w", "jobs", "--run", "../x", "--input", '{"query": "q"}'], "../x"),
        (["find", "-w", "jobs", "--run", "", "--input", '{"query": "q"}'], "run id ''"),
        (["find", "-w", "jobs", "--queue", "", "--input", '{"query": "q"}'], "queue is empty"),
        (["find", "-w", "jobs", "--tenant", "", "--input", '{"query": "q"}'], "tenant_id is empty"),
        (
            ["as_data", "-w", "as_data.yaml", "-w", "jobs", "--input", '{"n": "x"}'],
            ".n: wrong-type: expected an integer, got text",
        ),
        (["find", "-w", "nowhere"], "no module 'nowhere'"),
    ],
)
def test_start_refuses(shell: CommandShell, given: list[str], said: str) -> None:
    assert said in shell.refusal("start", *given)


def test_a_disabled_engine_refuses_new_runs_and_finishes_the_others(shell: CommandShell) -> None:
    given = ("start", "as_data", "-w", "as_data.yaml", "-w", "jobs")
    off = {"WORKFLOW_ENGINE_ENABLED": "false"}
    shell.run(*given, "--run", "begun-before")
    refused = shell.json(*given, "--run", "begun-after", expect=2, **off)
    assert refused["error"]["code"] == "ENGINE_DISABLED"
    done = shell.json("resume", "--run-id", "begun-before", "-w", "jobs", **off)
    assert done["status"] == "completed"


# approvals


def test_approvals_are_listed_and_answered(shell: CommandShell) -> None:
    listed = shell.json("approvals", "list", "--run", "ask-1")
    assert same_shape(listed, {"ok": bool, "approvals": [APPROVAL]})
    (question,) = listed["approvals"]
    assert (question["name"], question["request"]) == ("publish", {"found": "Q"})
    found = shell.json("inspect", "--run", "ask-1")
    assert found["next"][0].startswith("aos-workflow approvals approve --run ask-1 --name publish")
    assert "publish" in shell.text("approvals", "list")
    yes = ("approvals", "approve", "--run", "ask-1", "--name", "publish", "--payload", '{"n": 1}')
    answer = shell.json(*yes)
    assert same_shape(answer, {"ok": bool, "approval": APPROVAL})
    assert answer["approval"]["decided_by"].startswith("cli")
    no = shell.text("approvals", "reject", "--run", "ask-2", "--name", "publish")
    assert "rejected publish of run ask-2" in no
    shell.run("worker", "-w", "jobs", "--until-idle")
    result = {
        run: shell.json("resume", "--run-id", run, "-w", "jobs") for run in ("ask-1", "ask-2")
    }
    assert result["ask-1"]["output"] == ["Q", "approved", {"n": 1}]
    assert result["ask-2"]["output"] == ["Q", "rejected", None]
    assert shell.json("approvals", "list")["approvals"] == []
    assert len(shell.json("approvals", "list", "--all", "--run", "ask-1")["approvals"]) == 1
    assert "is completed" in shell.refusal(*yes)


def test_approvals_refuse_what_nobody_asked(shell: CommandShell) -> None:
    ask = ("approvals", "approve", "--run", "bad-1", "--name")
    assert "publish" in shell.refusal(*ask, "publish")
    assert "no run 'nope'" in shell.refusal("approvals", "reject", "--run", "nope", "--name", "x")
    assert "--payload" in shell.refusal(*ask, "publish", "--payload", "{")


# stats


def test_statistics_are_those_of_sql(shell: CommandShell, database: str) -> None:
    found = shell.json("stats", "--spec", "find")
    assert same_shape(
        found,
        {
            "ok": bool,
            "workflow_id": TEXT,
            "runs": int,
            "counts": dict,
            "success": float,
            "duration_s": {"p50": float, "p95": float, "p99": float},
            "cost_cents": float,
            "failures": [RUN],
        },
    )
    rows = sql(
        database,
        "SELECT status, count(*) AS n FROM workflow_checkpoints WHERE workflow_id = 'find' GROUP BY status",
    )
    assert found["counts"] == {row["status"]: row["n"] for row in rows}
    (p,) = sql(
        database,
        "SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM completed_at - started_at)) AS p95 "
        "FROM workflow_checkpoints WHERE workflow_id = 'find' AND status = 'completed'",
    )
    assert found["duration_s"]["p95"] == pytest.approx(p["p95"])
    (cost,) = sql(
        database,
        "SELECT sum(cents)::float8 AS cents FROM cost_ledger JOIN workflow_checkpoints USING (run_id) "
        "WHERE workflow_id = 'find'",
    )
    assert found["cost_cents"] == cost["cents"]
    assert [run["run_id"] for run in found["failures"]] == ["bad-1"]
    text = shell.text("stats", "--spec", "find", "--hours", "1")
    assert "EXECUTION_ERROR" in text
    assert "p99" in text


def test_statistics_refuse_an_unknown_workflow(shell: CommandShell) -> None:
    assert "'nope'" in shell.refusal("stats", "--spec", "nope")
    assert shell.json("stats", "--spec", "nope", expect=2)["error"]["code"] == "WORKFLOW_NOT_FOUND"
    assert "--hours" in shell.refusal("stats", "--spec", "find", "--hours", "-1")


# inspect


def test_inspect_says_what_to_do_and_whether_this_code_can(shell: CommandShell) -> None:
    found = shell.json("inspect", "--run", "bad-1", "--timing", "-w", "jobs", expect=1)
    timing = {"step_path": TEXT, "kind": TEXT, "took_s": float, "share": float}
    assert same_shape(
        found,
        {
            "ok": bool,
            "run": RUN,
            "steps": [STEP],
            "approvals": [APPROVAL],
            "resume": TEXT,
            "timing": {
                "total_s": float,
                "waiting_s": float,
                "waiting_share": float,
                "steps": [timing],
            },
            "golden": type(None),
            "next": [TEXT],
        },
    )
    assert found["resume"].startswith("possible, with version")
    assert "--workflows" in shell.json("inspect", "--run", "bad-1", expect=1)["resume"]
    (shell.folder / "older.py").write_text(MODULE.replace('"find"', '"find", version="0"'))
    other = shell.json("inspect", "--run", "bad-1", "-w", "older", expect=1)
    assert "not registered here" in other["resume"]
    assert "waiting" in shell.text("inspect", "--run", "ok-1", "--timing")


def test_messages_are_shown_without_the_secrets_of_the_environment(shell: CommandShell) -> None:
    for command in (["inspect", "--run", "bad-1"], ["stats", "--spec", "find"]):
        expect = 1 if command[0] == "inspect" else 0
        for form in ([], ["--json"]):
            text = shell.text(*command, *form, expect=expect, MY_API_KEY="no such index")
            assert "RuntimeError: ***" in text
            assert "no such index" not in text


def test_inspect_refuses(shell: CommandShell) -> None:
    assert "no run 'nope'" in shell.refusal("inspect", "--run", "nope")
    assert "either --run or --database" in shell.refusal("inspect")
    assert "either --run or --database" in shell.refusal("inspect", "--run", "x", "--database")


def test_inspect_the_database(shell: CommandShell, database: str) -> None:
    found = shell.json("inspect", "--database")
    assert same_shape(found, {"ok": bool, "problems": [TEXT], "database": dict})
    assert found["database"]["free_bytes"] > 0
    assert found["database"]["runs"]["failed"] == 1
    names = {table["name"] for table in found["database"]["tables"]}
    assert {"workflow_checkpoints", "workflow_steps"} <= names
    text = shell.text("inspect", "--database")
    for word in ("data folder", "free:", "workflow_checkpoints_claim", "waiting locks"):
        assert word in text
    change = (
        "UPDATE workflow_checkpoints SET status = $1, updated_at = now() - interval '61 minutes' "
        "WHERE run_id = 'ok-1'"
    )
    sql(database, change, "running")
    try:
        stale = shell.json("inspect", "--database", expect=1)
        assert stale["problems"] == ["1 runs had no change for an hour: aos-workflow list-running"]
    finally:
        sql(database, change, "completed")


# list-running


def test_list_running_lists_what_the_runbooks_sql_lists(shell: CommandShell, database: str) -> None:
    flip = "UPDATE workflow_checkpoints SET status = $1 WHERE run_id = ANY (ARRAY['ok-1', 'ok-2'])"
    sql(database, flip, "running")
    try:
        found = shell.json("list-running")
        assert same_shape(found, {"ok": bool, "runs": [RUN]})
        rows = sql(
            database,
            "SELECT run_id FROM workflow_checkpoints WHERE status = 'running' ORDER BY updated_at DESC LIMIT 50",
        )
        assert [run["run_id"] for run in found["runs"]] == [row["run_id"] for row in rows]
        assert len(shell.json("list-running", "--limit", "1")["runs"]) == 1
    finally:
        sql(database, flip, "completed")
    assert "no run is running" in shell.text("list-running")
    assert "--limit" in shell.refusal("list-running", "--limit", "0")


# retry, cancel, fork


def test_what_changes_a_run(shell: CommandShell) -> None:
    forked = shell.json("fork", "--run", "ok-1", "--step", "1", "--new-run", "forked")
    assert same_shape(forked, {"ok": bool, "run": RUN})
    assert "no run 'nope'" in shell.refusal("fork", "--run", "nope", "--step", "1")
    shown = shell.json("cancel", "--run", "forked")
    assert same_shape(shown, {"ok": bool, "dry_run": bool, "run": RUN})
    assert (shown["dry_run"], shown["run"]["status"]) == (True, "queued")
    assert "nothing was changed" in shell.text("cancel", "--run", "forked")
    assert shell.json("cancel", "--run", "forked", "--yes")["run"]["status"] == "cancelled"
    assert "no run 'nope'" in shell.refusal("cancel", "--run", "nope", "--yes")
    assert "cancelled" in shell.refusal("cancel", "--run", "forked", "--yes")
    assert same_shape(shell.json("retry", "--run", "bad-1"), {"ok": bool, "run": RUN})
    assert "queued" in shell.refusal("retry", "--run", "bad-1")
    again = shell.json("resume", "--run-id", "bad-1", "-w", "jobs", expect=1)
    assert set(again) == {
        "ok",
        "run_id",
        "workflow_id",
        "status",
        "workflow_hash",
        "output",
        "cost_cents",
        "reason",
        "error_code",
        "error_message",
        "steps",
    }
    assert "no run 'nope'" in shell.refusal("resume", "--run-id", "nope")


# skills check


def test_skills_are_probed(shell: CommandShell) -> None:
    found = shell.json("skills", "check", "-w", "jobs", "--limit", "0.2", expect=1)
    probed = {
        "skill_id": TEXT,
        "version": TEXT,
        "state": TEXT,
        "took_s": float,
        "problem": MAYBE,
    }
    assert same_shape(found, {"ok": bool, "skills": [probed]})
    states = {each["skill_id"]: each["state"] for each in found["skills"]}
    assert states == {"hang": "timeout", "plain": "no probe", "search": "ok"}
    (shell.folder / "down").touch()
    try:
        text = shell.text("skills", "check", "-w", "jobs", "--limit", "0.2", expect=1)
    finally:
        (shell.folder / "down").unlink()
    assert "ConnectionError: search.example does not answer" in text
    assert "no skills" in shell.refusal("skills", "check", "-w", "as_data.yaml")
    assert "no module 'nope'" in shell.refusal("skills", "check", "-w", "nope")


# switches, schema, limits


def test_switches_and_limits(shell: CommandShell) -> None:
    shell.refusal("skills", "disable", "serch", "--reason", "INC-123")
    assert "skills list" in shell.refusal("skills", "enable", "neverwas")
    off = shell.json("skills", "disable", "search", "--reason", "INC-123", "--unregistered")
    assert same_shape(off, {"ok": bool, "skill_id": TEXT, "enabled": bool, "versions": int})
    listed = shell.json("skills", "list")["skills"]
    row = {"skill_id": TEXT, "version": TEXT, "side_effects": TEXT, "enabled": bool}
    assert same_shape(listed, [row | {"disabled_reason": MAYBE}])
    shell.run("skills", "enable", "search")
    assert "--reason" in shell.refusal("skills", "disable", "search")
    stopped = shell.json("stop", "enable", "--reason", "INC-123")
    assert stopped == {"ok": True, "stopped": True, "reason": "INC-123"}
    state = shell.json("stop", "status", expect=1)
    assert same_shape(state, {"ok": bool, "stopped": bool, "source": TEXT})
    assert shell.json("stop", "disable") == {"ok": True, "stopped": False}
    assert shell.json("stop", "status")["source"] is None
    assert "--reason" in shell.refusal("stop", "enable")
    limits = shell.json("policy", "show")
    assert same_shape(limits["limits"], [{"name": TEXT, "value": object, "source": TEXT}])
    assert shell.json("db", "reindex")["tables"]
    assert same_shape(
        shell.json("db", "status"), {"ok": bool, "migrations": [{"name": TEXT, "state": TEXT}]}
    )
    assert shell.json("db", "migrate") == {"ok": True, "applied": []}
    bad = shell.json("db", "migrate", "--operator", "nobody_at_all", expect=2)
    assert bad["error"]["code"] == "MIGRATION"


def test_a_database_that_is_not_there(shell: CommandShell) -> None:
    error = shell.refusal("db", "status", DATABASE_URL="postgresql://u:topsecret@127.0.0.1:1/x")
    assert "cannot be used" in error
    assert "topsecret" not in error

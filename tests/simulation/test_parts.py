"""The parts of a cycle: what is drawn, what differs in the shadow's world, what people answer, what is compared."""

from __future__ import annotations

import datetime
import os
import random
import time
from pathlib import Path
from typing import Any, Literal

import orjson
import pytest

from aos_workflow.engine import Context, Retry, WorkflowSpec, workflow
from aos_workflow.errors import RealIOError, ScenarioError, UsageError
from aos_workflow.shadow.comparing import compare, is_same
from aos_workflow.shadow.cycle import plan, run_side
from aos_workflow.shadow.perturbation import perturbed
from aos_workflow.shadow.records import Campaign, Cycle, Fault, Side, SideResult, Verdict
from aos_workflow.shadow.scenarios import Answer, Programs, Scenario
from aos_workflow.shadow.wall_clock import frozen_clock
from aos_workflow.skills import SkillRegistry, skill

SPACE = (globals(),)


@skill("double", side_effects="none")
def double(n: int) -> int:
    return 2 * n


@skill("connect", side_effects="reads")
def connect(host: str) -> str:
    import socket

    socket.create_connection((host, 80))
    return host


# inputs


@workflow("typed")
async def typed(
    ctx: Context,
    a: int,
    b: str,
    c: list[int],
    d: dict[str, float],
    e: Literal["x", "y"],
    f: bool | None,
    g: tuple[str, ...],
    h: int = 5,
) -> Any:
    return [a, b, c, d, e, f, g, h]


def test_inputs_are_drawn_by_annotation_and_are_json() -> None:
    scenario = Scenario(typed)
    for seed in range(20):
        given = scenario.draw_inputs(random.Random(seed))
        assert given == scenario.draw_inputs(random.Random(seed))
        assert given.keys() == set("abcdefg")
        assert given["e"] in ("x", "y")
        assert orjson.loads(orjson.dumps(given)) == given


@workflow("untyped")
async def untyped(ctx: Context, where: Path) -> None:
    return None


def test_what_cannot_be_drawn_says_how_to_give_it() -> None:
    with pytest.raises(ScenarioError, match="input 'where'") as caught:
        Scenario(untyped).draw_inputs(random.Random(0))
    assert "Scenario(workflow, inputs=" in str(caught.value)
    assert Scenario(untyped, inputs=lambda draw: {"where": "x"}).draw_inputs(random.Random(0))


def test_no_workflow_and_an_unknown_one_say_so() -> None:
    with pytest.raises(ScenarioError, match="no workflow to simulate"):
        Programs([])
    programs = Programs([Scenario(typed)])
    with pytest.raises(ScenarioError, match="no workflow 'other'"):
        run_side(Cycle(1, 1, "other"), Side.PRIMARY, programs)
    with pytest.raises(UsageError, match="no fault profile 'some'"):
        plan(Campaign(1, faults="some"), 0, programs)


# specs


SPEC = WorkflowSpec.model_validate(
    {
        "workflow_id": "diamond",
        "inputs": {"n": "integer", "kind": {"type": "string", "enum": ["a", "b"]}},
        "steps": [
            {"step_id": "first", "skill": "double", "inputs": {"n": "${inputs.n}"}},
            *(
                {
                    "step_id": name,
                    "skill": "double",
                    "inputs": {"n": "${first}"},
                    "depends_on": ["first"],
                    "retry": {"max_attempts": 4},
                }
                for name in ("left", "right")
            ),
        ],
        "outputs": {"sum": ["${left}", "${right}"]},
    }
)


def test_workflows_that_are_data_are_simulated_too() -> None:
    programs = Programs.of(SkillRegistry(double), [SPEC])
    for number in range(30):
        cycle = plan(Campaign(4, faults="heavy"), number, programs)
        assert cycle.inputs["kind"] in ("a", "b")
        primary = run_side(cycle, Side.PRIMARY, programs)
        report = compare(cycle, primary, run_side(cycle, Side.SHADOW, programs))
        assert report.verdict is Verdict.MATCH, report


# people and time


@workflow("asks")
async def asks(ctx: Context, cents: int) -> list[Any]:
    began = ctx.now()
    answer = await ctx.approve("pay", {"cents": cents}, expires_in_s=3600)
    await ctx.step(double, n=1, retry=Retry(2))
    return [bool(answer), answer.payload, (ctx.now() - began).total_seconds()]


def test_people_answer_as_the_scenario_says_and_time_follows_the_place() -> None:
    scenario = Scenario(
        asks,
        answers=lambda kind, name, request, draw: Answer(
            request["cents"] < 10, {"kind": kind, "name": name}
        ),
    )
    programs = Programs([scenario])
    for cents, approved in ((5, True), (50, False)):
        events = run_side(Cycle(1, 1, "asks", {"cents": cents}), Side.PRIMARY, programs).events
        output = orjson.loads(events.splitlines()[-1])["data"]["output"]
        assert output[:2] == [approved, {"kind": "approval", "name": "pay"}]
    for kind in ("crash_after_commit", "clock_jump", "worker_death"):
        fault = Fault(kind, 1, Side.SHADOW, {"shift_s": 999_999})
        cycle = Cycle(1, 1, "asks", {"cents": 5}, (fault,), {"schedule": 3})
        sides = [run_side(cycle, side, programs) for side in Side]
        assert is_same(*sides)


# the real world


@workflow("reaches_out")
async def reaches_out(ctx: Context) -> str:
    return str(await ctx.step(connect, host="localhost"))


def test_a_workflow_that_reaches_for_the_real_world_is_an_error_that_names_the_line() -> None:
    programs = Programs([Scenario(reaches_out)])
    with pytest.raises(ScenarioError, match=r"'1:connect'.*socket.getaddrinfo.*test_parts.py:\d+"):
        run_side(Cycle(1, 1, "reaches_out"), Side.PRIMARY, programs)
    assert RealIOError.code.startswith("SIMULATION")


@workflow("waits_for_ever")
async def waits_for_ever(ctx: Context) -> None:
    import asyncio

    await asyncio.Event().wait()


def test_a_workflow_that_never_ends_is_an_error_and_no_mismatch() -> None:
    programs = Programs([Scenario(waits_for_ever)])
    cycle = Cycle(1, 1, "waits_for_ever", perturbations={"schedule": 1})
    report = compare(cycle, *(run_side(cycle, side, programs) for side in Side))
    assert report.verdict is Verdict.ERROR
    assert "never ends" in str(report.message)


# the shadow's world


def test_the_world_differs_and_is_put_back() -> None:
    before = (dict(os.environ), Path.cwd(), time.tzname, time.time, datetime.datetime)
    today = datetime.datetime.now(datetime.UTC)
    with perturbed({"clock": 40 * 86_400, "timezone": 1, "environment": 5, "folder": 1}, SPACE):
        assert os.environ != before[0]
        assert Path.cwd() != before[1]
        moved = datetime.datetime.now(datetime.UTC)
        assert (moved - today).days == 40
        assert isinstance(today, datetime.datetime)
        assert datetime.datetime(2026, 1, 1) == before[4](2026, 1, 1)
        assert abs(time.time() - moved.timestamp()) < 60
    assert (dict(os.environ), Path.cwd(), time.tzname, time.time, datetime.datetime) == before


def test_the_clock_can_be_stopped() -> None:
    with frozen_clock(SPACE):
        assert time.time() == time.time()
        assert time.perf_counter() == time.perf_counter()
        assert datetime.date.today() == datetime.date.today()
    assert time.perf_counter() != time.perf_counter()


# comparing


def side(status: str, *steps: tuple[str, str], digest: str = "") -> SideResult:
    made = tuple((path, "skill", mark, "in", mark) for path, mark in steps)
    return SideResult(status, digest, made, "EXECUTION_ERROR" if status == "failed" else None)


def test_of_runs_that_failed_side_by_side_what_both_did_is_compared() -> None:
    first = side("failed", ("1/1:a", "x"), ("2/1:b", "y"), digest="p")
    assert is_same(first, side("failed", ("1/1:a", "x"), digest="q"))
    assert not is_same(first, side("failed", ("1/1:a", "z"), digest="q"))
    assert not is_same(side("failed", ("1:a", "x"), digest="p"), side("failed", digest="q"))


@pytest.mark.parametrize(
    ("second", "step", "kind"),
    [
        (side("completed", ("1:a", "x"), digest="q"), "2:b", "missing"),
        (side("completed", ("1:a", "x"), ("2:b", "z"), digest="q"), "2:b", "output"),
        (side("completed", ("1:a", "x"), ("2:c", "y"), digest="q"), "2:b", "path"),
        (side("completed", ("1:a", "x"), ("2:b", "y"), digest="q"), None, "output"),
        (side("failed", ("1:a", "x"), ("2:b", "y"), digest="q"), None, "status"),
    ],
)
def test_the_first_difference_is_named(second: SideResult, step: str | None, kind: str) -> None:
    first = side("completed", ("1:a", "x"), ("2:b", "y"), digest="p")
    report = compare(Cycle(1, 1, "w"), first, second)
    assert report.verdict is Verdict.MISMATCH
    assert report.divergence is not None
    assert (report.divergence["step"], report.divergence["kind"]) == (step, kind)

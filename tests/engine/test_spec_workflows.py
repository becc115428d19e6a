"""Workflows that are data: references, branches, skipping, failures beside each other."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engine.skills_for_tests import World

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.checkpoint.records import RunStatus
from aos_workflow.engine import StepSpec, WorkflowEngine, WorkflowSpec
from aos_workflow.errors import RunInputsError


@pytest.fixture
def world() -> World:
    return World()


def engine_of(world: World, store: MemoryStore | None = None) -> WorkflowEngine:
    return WorkflowEngine(world.registry(), store or MemoryStore(), policy=None)


def spec_of(*steps: StepSpec, **fields: Any) -> WorkflowSpec:
    return WorkflowSpec(workflow_id="demo", steps=steps, **fields)


DIAMOND = spec_of(
    StepSpec(step_id="start", skill="fetch", inputs={"name": "${inputs.topic}"}),
    StepSpec(step_id="left", skill="double", inputs={"n": "${start.reading}"}),
    StepSpec(step_id="right", skill="pay", inputs={"amount": "${start.reading}", "to": "right"}),
    StepSpec(step_id="join", skill="pay", inputs={"amount": "${left}", "to": "${right}"}),
    inputs={"topic": "string"},
    outputs={"paid": "${join}"},
)


async def test_a_diamond(world: World) -> None:
    async with engine_of(world) as engine:
        result = await engine.run(DIAMOND, inputs={"topic": "a"}, seed=1)
    assert result.output == {"paid": "2 to 1 to right"}
    assert [step.step_id for step in result.step_results] == ["start", "left", "right", "join"]
    assert result.cost_cents == 10


async def test_inputs_are_checked(world: World) -> None:
    async with engine_of(world) as engine:
        with pytest.raises(RunInputsError, match="topic"):
            await engine.run(DIAMOND, seed=1)


async def test_the_hash_does_not_depend_on_which_branch_was_faster(world: World) -> None:
    steps = [StepSpec(step_id=name, skill="fetch", inputs={"name": name}) for name in "abc"]
    spec = spec_of(*steps, outputs={"first": "${a.name}"})
    hashes = set()
    for slow in "abc":
        other = World()
        other.delays_s = {slow: 0.01}
        async with engine_of(other) as engine:
            result = await engine.run(spec, seed=1)
        hashes.add(tuple(step.step_id for step in result.step_results))
    assert hashes == {("a", "b", "c")}


async def test_a_failed_step_does_not_stop_those_beside_it(world: World) -> None:
    spec = spec_of(
        StepSpec(step_id="bad", skill="flaky", inputs={"name": "x"}),
        StepSpec(step_id="after_bad", skill="pay", inputs={"amount": 1}, depends_on=("bad",)),
        StepSpec(step_id="beside", skill="double", inputs={"n": 1}),
        StepSpec(step_id="after_beside", skill="double", inputs={"n": "${beside}"}),
    )
    world.failures["x"] = [ValueError("down")]
    async with engine_of(world) as engine:
        result = await engine.run(spec, seed=1)
    assert result.status is RunStatus.FAILED
    assert [step.step_id for step in result.step_results] == ["bad", "beside", "after_beside"]
    assert world.calls["pay shop"] == 0


async def test_steps_that_are_not_wanted_are_skipped_with_those_that_need_them(
    world: World,
) -> None:
    spec = spec_of(
        StepSpec(step_id="maybe", skill="double", inputs={"n": 1}, when="${inputs.want}"),
        StepSpec(step_id="needs", skill="double", inputs={"n": "${maybe}"}),
        StepSpec(step_id="copes", skill="pay", inputs={"amount": 1}, depends_on=("maybe",)),
        inputs={"want": "boolean"},
        outputs={"n": "${needs?}"},
    )
    async with engine_of(world) as engine:
        without = await engine.run(spec, inputs={"want": False}, seed=1)
        with_it = await engine.run(spec, inputs={"want": True}, seed=1)
    assert {step.step_id: step.status.value for step in without.step_results} == {
        "maybe": "skipped",
        "needs": "skipped",
        "copes": "completed",
    }
    assert without.output == {"n": None}
    assert with_it.output == {"n": 4}
    assert without.workflow_hash != with_it.workflow_hash


async def test_a_reference_to_what_is_not_there_fails_before_the_step_runs(world: World) -> None:
    spec = spec_of(
        StepSpec(step_id="a", skill="fetch", inputs={"name": "a"}),
        StepSpec(step_id="b", skill="pay", inputs={"amount": "${a.no_such_key}"}),
    )
    async with engine_of(world) as engine:
        result = await engine.run(spec, seed=1)
    assert result.status is RunStatus.FAILED
    assert result.error_code == "REFERENCE_UNRESOLVED"
    assert world.calls["pay shop"] == 0


async def test_wrong_inputs_of_a_skill_are_not_tried_again(world: World) -> None:
    spec = spec_of(
        StepSpec(step_id="a", skill="double", inputs={"n": "many"}, retry={"max_attempts": 3}),  # type: ignore[arg-type]
    )
    async with engine_of(world) as engine:
        result = await engine.run(spec, seed=1)
    assert result.error_code == "SKILL_INPUT"
    assert result.step_results[0].attempts == 1


async def test_an_unknown_or_disabled_skill_fails_its_step(world: World) -> None:
    spec = spec_of(StepSpec(step_id="a", skill="duoble", inputs={"n": 1}))
    store = MemoryStore()
    engine = engine_of(world, store)
    result = await engine.run(spec, seed=1)
    assert result.error_code == "SKILL_NOT_FOUND"
    assert "did you mean 'double'" in (result.error_message or "")
    engine.registry.disable("double", "INC-123")
    disabled = await engine.run(
        spec_of(StepSpec(step_id="a", skill="double", inputs={"n": 1})), seed=1
    )
    await engine.close()
    assert disabled.error_code == "SKILL_DISABLED"
    assert "INC-123" in (disabled.error_message or "")


async def test_a_run_goes_on_with_the_spec_that_it_was_started_with(world: World) -> None:
    store = MemoryStore()
    old = spec_of(
        StepSpec(step_id="a", skill="pay", inputs={"amount": 1}),
        StepSpec(step_id="b", skill="flaky", inputs={"name": "x"}, depends_on=("a",)),
    )
    new = spec_of(StepSpec(step_id="other", skill="double", inputs={"n": 1}), version="2")
    world.failures["x"] = [ValueError("down")]
    async with engine_of(world, store) as first:
        await first.run(old, run_id="r", seed=1)
    async with engine_of(world, store) as second:
        second.register(new)
        result = await second.resume("r")
    assert [step.step_id for step in result.step_results] == ["a", "b"]
    assert world.calls["pay shop"] == 1

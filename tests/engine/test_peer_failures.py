"""What other durable engines get wrong, each with the outcome that is right. The situations were measured on them."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from tests.engine.skills_for_tests import World

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.checkpoint.records import RunStatus
from aos_workflow.engine import Context, Worker, WorkflowEngine, workflow
from aos_workflow.errors import DivergenceError
from aos_workflow.golden import GoldenRecorder
from aos_workflow.policies import Limits, MemoryBudgets, PolicyEnforcer
from aos_workflow.skills import SkillRegistry, skill


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def recorder(tmp_path: Path) -> GoldenRecorder:
    return GoldenRecorder(tmp_path)


async def test_two_chains_are_not_swapped_by_a_crash(world: World) -> None:
    """``b(a(x))`` twice under gather, the slow one first, second steps of one name: counters swap the results."""
    store, crash = MemoryStore(), asyncio.Event()

    @workflow("chains")
    async def chains(ctx: Context) -> Any:
        async def chain(name: str, delay_s: float) -> Any:
            world.delays_s[name] = delay_s
            found = await ctx.step(world.fetch, name)
            marked = await ctx.step(world.pay, 1, to=found["name"])
            if not crash.is_set() and name == "slow":
                crash.set()
                await asyncio.Event().wait()
            return [name, marked]

        return await asyncio.gather(chain("slow", 0.02), chain("fast", 0.0))

    first = WorkflowEngine(world.registry(), store, policy=None)
    task = asyncio.create_task(first.run(chains, run_id="r", seed=1))
    await crash.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    second = WorkflowEngine(world.registry(), store, policy=None)
    result = await second.run(chains, run_id="r", seed=1)
    assert result.output == [["slow", "1 to slow"], ["fast", "1 to fast"]]
    assert world.calls == {"fetch slow": 1, "fetch fast": 1, "pay slow": 1, "pay fast": 1}
    await first.close()
    await second.close()


Body = Any


async def replayed(world: World, recorder: GoldenRecorder, before: Body, after: Body) -> Any:
    engine = WorkflowEngine(world.registry(), MemoryStore(), golden=recorder, policy=None)
    assert (await engine.run(workflow("w")(before), run_id="r", seed=1)).ok
    await engine.close()
    later = WorkflowEngine(world.registry(), MemoryStore(), golden=recorder, policy=None)
    calls = dict(world.calls)
    try:
        return await later.run(workflow("w")(after), run_id="r", replay="verify")
    finally:
        assert dict(world.calls) == calls


async def test_a_changed_input_of_a_step_is_a_divergence(
    world: World, recorder: GoldenRecorder
) -> None:
    async def before(ctx: Context) -> Any:
        return await ctx.step(world.pay, 5)

    async def after(ctx: Context) -> Any:
        return await ctx.step(world.pay, 50)

    with pytest.raises(DivergenceError, match=r"\.amount.*expected 5, got 50"):
        await replayed(world, recorder, before, after)


async def test_a_changed_final_result_is_a_divergence(
    world: World, recorder: GoldenRecorder
) -> None:
    async def before(ctx: Context) -> Any:
        return [await ctx.step(world.pay, 5), "old"]

    async def after(ctx: Context) -> Any:
        return [await ctx.step(world.pay, 5), "new"]

    with pytest.raises(DivergenceError, match="expected 'old', got 'new'"):
        await replayed(world, recorder, before, after)


async def test_trailing_steps_that_were_removed_are_a_divergence(
    world: World, recorder: GoldenRecorder
) -> None:
    async def before(ctx: Context) -> Any:
        await ctx.step(world.pay, 5)
        await ctx.step(world.fetch, "receipt")
        return 1

    async def after(ctx: Context) -> Any:
        await ctx.step(world.pay, 5)
        return 1

    with pytest.raises(DivergenceError, match="2:fetch"):
        await replayed(world, recorder, before, after)


async def test_a_step_before_a_recorded_payment_pays_nothing_again(
    world: World, recorder: GoldenRecorder
) -> None:
    async def before(ctx: Context) -> Any:
        return await ctx.step(world.pay, 5)

    async def after(ctx: Context) -> Any:
        await ctx.step(world.pay, 1, to="insurance")
        return await ctx.step(world.pay, 5)

    with pytest.raises(DivergenceError):
        await replayed(world, recorder, before, after)


async def test_chance_inside_an_input_is_blocked_and_named(
    world: World, recorder: GoldenRecorder
) -> None:
    async def body(ctx: Context) -> Any:
        return await ctx.step(world.pay, random.randint(0, 10**12))

    with pytest.raises(DivergenceError) as caught:
        await replayed(world, recorder, body, body)
    assert caught.value.kind == "input"
    assert caught.value.file == __file__


async def test_the_message_says_step_line_expected_got_and_what_to_do(
    world: World, recorder: GoldenRecorder
) -> None:
    async def before(ctx: Context) -> Any:
        return await ctx.step(world.pay, 5)

    async def after(ctx: Context) -> Any:
        return await ctx.step(world.pay, 6)

    with pytest.raises(DivergenceError) as caught:
        await replayed(world, recorder, before, after)
    text = str(caught.value)
    for part in ("'1:pay'", f"{__file__}:", "expected 5, got 6", "next: ", "aos-workflow fork"):
        assert part in text


async def test_a_budget_is_charged_once_over_crashes_resumes_and_replays(
    world: World, recorder: GoldenRecorder
) -> None:
    budgets, store, crash = MemoryBudgets(), MemoryStore(), asyncio.Event()

    @workflow("costly")
    async def costly(ctx: Context) -> Any:
        for number in range(3):
            await ctx.step(world.pay, number)
            if number == 1 and not crash.is_set():
                crash.set()
                await asyncio.Event().wait()
        return "done"

    def engine() -> WorkflowEngine:
        policy = PolicyEnforcer(Limits(workflow_ceiling_cents=20), budgets)
        return WorkflowEngine(world.registry(), store, golden=recorder, policy=policy)

    first = engine()
    task = asyncio.create_task(first.run(costly, run_id="r", seed=1))
    await crash.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    result = await engine().run(costly, run_id="r", seed=1)
    await engine().run(costly, run_id="r", seed=1)
    await engine().run(costly, run_id="r", replay=True)
    assert result.cost_cents == 15
    assert await budgets.balance("budget:run:r") == (150_000, 0)
    await first.close()


async def test_the_runs_of_a_dead_worker_are_taken_over_and_it_is_fenced(world: World) -> None:
    store, held, go_on = MemoryStore(), asyncio.Event(), asyncio.Event()

    @skill("hold", side_effects="writes")
    async def hold() -> int:
        held.set()
        await go_on.wait()
        return 1

    @workflow("held")
    async def held_flow(ctx: Context) -> Any:
        return await ctx.step(hold)

    registry = SkillRegistry(hold)
    zombie = WorkflowEngine(registry, store, workflows=[held_flow], policy=None, beat_every_s=60)
    task = asyncio.create_task(zombie.run(held_flow, run_id="r", seed=1))
    await held.wait()
    await asyncio.sleep(0.01)
    assert await store.reap(silent_for_s=0.001) == ("r",)
    go_on.set()
    other = WorkflowEngine(registry, store, workflows=[held_flow], policy=None)
    await Worker(other).run_until_idle()
    with pytest.raises(Exception, match="CheckpointVersionConflictError"):
        await task
    head = await store.load("r")
    assert head is not None
    assert head.status is RunStatus.COMPLETED
    assert len(await store.load_steps("r")) == 1
    await zombie.close()
    await other.close()

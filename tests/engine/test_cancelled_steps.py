"""Steps that the program cancels: a replay and a run that is gone on with take the same way."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.engine.skills_for_tests import World

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.checkpoint.records import Commit, Committed, RunStatus
from aos_workflow.engine import Context, Workflow, WorkflowEngine, abandoned, workflow
from aos_workflow.errors import DivergenceError, StepFailedError
from aos_workflow.golden import GoldenRecorder


@pytest.fixture
def world() -> World:
    found = World()
    found.delays_s = {"slow": 0.3, "soon": 0.01}
    return found


@pytest.fixture
def recorder(tmp_path: Path) -> GoldenRecorder:
    return GoldenRecorder(tmp_path, secret="secret for tests")


def engine_of(world: World, store: MemoryStore | None = None, **options: Any) -> WorkflowEngine:
    return WorkflowEngine(
        world.registry(), store or MemoryStore(), policy=None, emergency=None, **options
    )


async def failing_group(ctx: Context, world: World) -> None:
    async with ctx.group() as group:
        group.step(world.fetch, "slow")
        group.step(world.double, "not a number")
        group.start(both(ctx, world))


async def both(ctx: Context, world: World) -> None:
    await ctx.step(world.double, 1)
    await ctx.step(world.fetch, "slow")


async def caught_group(ctx: Context, world: World) -> None:
    with suppress(StepFailedError):
        async with ctx.group() as group:
            group.step(world.fetch, "slow")
            group.start(fails_soon(ctx, world))


async def fails_soon(ctx: Context, world: World) -> None:
    await ctx.step(world.fetch, "soon")
    raise StepFailedError("no", error_code="EXECUTION_ERROR")


async def time_limit(ctx: Context, world: World) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await ctx.step(world.fetch, "slow")


async def wait_for(ctx: Context, world: World) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(ctx.step(world.fetch, "slow"), 0.05)


async def race(ctx: Context, world: World) -> None:
    tasks = [asyncio.create_task(ctx.step(world.fetch, name)) for name in ("slow", "soon")]
    _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    assert pending == {tasks[0]}
    tasks[0].cancel()


async def race_with_a_sleep(ctx: Context, world: World) -> None:
    sleeps = asyncio.create_task(ctx.sleep(60))
    works = asyncio.create_task(ctx.step(world.fetch, "soon"))
    done, _ = await asyncio.wait({sleeps, works}, return_when=asyncio.FIRST_COMPLETED)
    assert done == {works}
    sleeps.cancel()


async def unanswered(ctx: Context, world: World) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await asyncio.gather(ctx.signal("never"), ctx.step(world.fetch, "slow"))


WAYS = [failing_group, caught_group, time_limit, wait_for, race, race_with_a_sleep, unanswered]


def cancels(world: World, way: Any) -> Workflow:
    @workflow("cancels")
    async def body(ctx: Context) -> Any:
        await way(ctx, world)
        return await ctx.step(world.fetch, "last")

    return body


@pytest.mark.parametrize("way", WAYS)
async def test_an_unchanged_run_is_verified(
    world: World, recorder: GoldenRecorder, way: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    body = cancels(world, way)
    recorded = await engine_of(world, golden=recorder).run(body, run_id="r", seed=1)
    again = await engine_of(world, golden=recorder).run(body, run_id="r", replay="verify")
    assert again.workflow_hash == recorded.workflow_hash
    assert "never retrieved" not in capfd.readouterr().err


@pytest.mark.parametrize("way", WAYS[1:])
async def test_a_run_is_gone_on_with_and_then_verified(
    world: World, recorder: GoldenRecorder, way: Any
) -> None:
    @workflow("asks")
    async def body(ctx: Context) -> Any:
        await way(ctx, world)
        await ctx.approve("first")
        found = await ctx.step(world.fetch, "last")
        await ctx.approve("second")
        return found

    engine = engine_of(world, golden=recorder)
    await engine.run(body, run_id="r", seed=1)
    slow = world.calls["fetch slow"]
    for name in ("first", "second"):
        await engine.approve("r", name, by="ann")
        result = await engine.resume("r")
    assert result.status is RunStatus.COMPLETED
    assert world.calls["fetch slow"] == slow
    assert world.calls["fetch last"] == 1
    again = await engine_of(world, golden=recorder).run(body, run_id="r", replay="verify")
    assert again.workflow_hash == result.workflow_hash


@pytest.mark.parametrize("change", ["input", "gone", "kept"])
async def test_a_changed_run_is_a_divergence(
    world: World, recorder: GoldenRecorder, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = cancels(world, time_limit)
    await engine_of(world, golden=recorder).run(body, run_id="r", seed=1)

    async def changed(ctx: Context, world: World) -> None:
        if change == "input":
            await ctx.step(world.fetch, "another")
        elif change == "kept":
            await ctx.step(world.fetch, "slow")
        else:
            ctx.uuid()

    monkeypatch.setattr(abandoned, "PATIENCE_S", 0.0)
    with pytest.raises(DivergenceError) as caught:
        await engine_of(world, golden=recorder).run(
            cancels(world, changed), run_id="r", replay="verify"
        )
    assert caught.value.step_path in ("1:fetch", "1:uuid")


async def test_a_retry_does_again_what_the_failure_had_cancelled(world: World) -> None:
    world.failures["now"] = [OSError("down")]

    @workflow("group")
    async def body(ctx: Context) -> Any:
        async with ctx.group() as group:
            slow = group.step(world.fetch, "slow")
            group.step(world.flaky, "now")
        return slow.result()["name"]

    engine = engine_of(world)
    failed = await engine.run(body, run_id="r", seed=1)
    again = await engine.resume("r")
    assert (failed.status, again.status) == (RunStatus.FAILED, RunStatus.COMPLETED)
    assert again.output == "slow"
    assert world.calls["fetch slow"] == 2


class SlowStore(MemoryStore):
    """Commits take a while."""

    async def commit(self, commit: Commit) -> Committed:
        await asyncio.sleep(0.05)
        return await super().commit(commit)


async def test_a_step_that_is_cancelled_while_it_is_committed_counts_and_is_cancelled_again(
    world: World, recorder: GoldenRecorder
) -> None:
    @workflow("commits")
    async def body(ctx: Context) -> Any:
        async def short(name: str, limit_s: float) -> Any:
            try:
                async with asyncio.timeout(limit_s):
                    return (await ctx.step(world.fetch, name))["name"]
            except TimeoutError:
                return "late"

        sends = asyncio.gather(short("a", 0.02), short("b", 9), short("c", 9), short("d", 9))
        return [await sends, (await ctx.step(world.fetch, "last"))["name"]]

    store = SlowStore()
    result = await engine_of(world, store, golden=recorder).run(body, run_id="r", seed=1)
    assert result.status is RunStatus.COMPLETED
    committed = {step.step_path for step in await store.load_steps("r")}
    assert committed == {step.step_path for step in result.step_results}
    assert result.output == [["late", "b", "c", "d"], "last"]
    again = await engine_of(world, golden=recorder).run(body, run_id="r", replay="verify")
    assert again.workflow_hash == result.workflow_hash

"""Waiting: for people, for time, for other runs. A run that only waits holds no worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.engine.skills_for_tests import World

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.checkpoint.records import RunStatus
from aos_workflow.engine import Context, Worker, WorkflowEngine, workflow
from aos_workflow.errors import RunStateError, StepFailedError, UsageError
from aos_workflow.skills import skill


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def engine_of(world: World, store: MemoryStore, *workflows: Any, **options: Any) -> WorkflowEngine:
    return WorkflowEngine(world.registry(), store, workflows=workflows, policy=None, **options)


@pytest.mark.parametrize("approved", [True, False])
async def test_an_approval_suspends_the_run_until_it_is_answered(
    world: World, store: MemoryStore, approved: bool
) -> None:
    @workflow("careful")
    async def careful(ctx: Context) -> Any:
        await ctx.step(world.fetch, "a")
        answer = await ctx.approve("spend", {"cents": 500})
        if not answer:
            return {"refused by": answer.by, "because": answer.payload}
        return await ctx.step(world.pay, 500)

    async with engine_of(world, store, careful) as engine:
        waiting = await engine.run(careful, run_id="r", seed=1)
        assert waiting.status is RunStatus.SUSPENDED
        assert waiting.reason == "approval 'spend'"
        head = await store.load("r")
        assert head is not None
        assert head.owner is None
        await engine.approve("r", "spend", by="ann", approved=approved, payload="no money")
        assert (await store.load("r")).status is RunStatus.QUEUED  # type: ignore[union-attr]
        result = await engine.resume("r")
    assert result.output == (
        "500 to shop" if approved else {"refused by": "ann", "because": "no money"}
    )
    assert world.calls["fetch a"] == 1


async def test_an_answer_to_nothing_is_refused(world: World, store: MemoryStore) -> None:
    @workflow("plain")
    async def plain(ctx: Context) -> int:
        return 1

    async with engine_of(world, store, plain) as engine:
        await engine.run(plain, run_id="r", seed=1)
        with pytest.raises(RunStateError):
            await engine.approve("r", "spend", by="ann")


async def test_other_branches_go_on_while_one_waits(world: World, store: MemoryStore) -> None:
    @workflow("both")
    async def both(ctx: Context) -> Any:
        async def asks() -> Any:
            return (await ctx.signal("go"))["n"]

        async def works() -> Any:
            return [await ctx.step(world.double, n) for n in range(3)]

        return await asyncio.gather(asks(), works())

    async with engine_of(world, store, both) as engine:
        waiting = await engine.run(both, run_id="r", seed=1)
        assert waiting.status is RunStatus.SUSPENDED
        assert len(waiting.step_results) == 3
        await engine.signal("r", "go", {"n": 9})
        result = await engine.resume("r")
    assert result.output == [9, [0, 2, 4]]
    assert world.calls["double"] == 3


async def test_a_short_sleep_waits_here_and_a_long_one_frees_the_worker(
    world: World, store: MemoryStore
) -> None:
    @workflow("sleepy")
    async def sleepy(ctx: Context, delay_s: float) -> Any:
        before = ctx.now()
        await ctx.sleep(delay_s)
        return (ctx.now() - before) >= timedelta(seconds=delay_s)

    async with engine_of(world, store, sleepy) as engine:
        assert (await engine.run(sleepy, inputs={"delay_s": 0.02}, seed=1)).output is True
        await engine.start(sleepy, inputs={"delay_s": 600}, run_id="r", seed=1)
        worker = Worker(engine)
        await worker.run_until_idle()
        head = await store.load("r")
        assert head is not None
        assert head.status is RunStatus.QUEUED
        assert 590 < head.available_at_s - head.updated_at_s <= 601
        assert "sleeps until" in (head.reason or "")


async def test_an_engine_that_joins_registers_its_skills_and_leaves_their_switches(
    world: World, store: MemoryStore
) -> None:
    @skill("odd")
    async def odd(callback: Callable[[], int]) -> object: ...

    for _ in range(2):
        engine = engine_of(world, store)
        engine.registry.register(odd)
        async with engine:
            await Worker(engine).run_until_idle()
        rows = {row.skill_id: row for row in await store.skills()}
        assert sorted(rows) == ["double", "fetch", "flaky", "odd", "pay"]
        await store.set_skill("pay", enabled=False, by="ann", reason="INC-1")
    assert (rows["pay"].enabled, rows["pay"].disabled_reason) == (False, "INC-1")
    assert (rows["double"].version, rows["double"].side_effects) == ("1", "none")
    assert b'"integer"' in (rows["double"].input_schema_json or b"")
    assert rows["double"].output_schema_json == b'{"type":"integer"}'
    assert rows["odd"].input_schema_json is None


async def test_a_sleep_is_waited_for_once(world: World, store: MemoryStore) -> None:
    waits: list[float] = []

    async def wait(delay_s: float) -> None:
        waits.append(delay_s)
        await asyncio.sleep(0.001)

    @workflow("napping")
    async def napping(ctx: Context) -> Any:
        await ctx.sleep(0.01)
        return await ctx.step(world.flaky, "x")

    world.failures["x"] = [ValueError("down")]
    async with engine_of(world, store, napping, wait=wait) as engine:
        await engine.run(napping, run_id="r", seed=1)
        first = len(waits)
        await asyncio.sleep(0.02)
        result = await engine.resume("r")
    assert first >= 1
    assert len(waits) == first
    assert result.status in (RunStatus.FAILED, RunStatus.COMPLETED)


async def test_what_was_drawn_before_a_suspension_is_drawn_again_after_it(
    world: World, store: MemoryStore
) -> None:
    asked: list[str] = []

    @workflow("dated")
    async def dated(ctx: Context) -> Any:
        at = str(ctx.now())
        asked.append(at)
        await ctx.approve("first", {"at": at})
        await ctx.approve("second", {"at": at})
        return at

    async with engine_of(world, store, dated) as engine:
        await engine.run(dated, run_id="r", seed=1)
        for name in ("first", "second"):
            await asyncio.sleep(0.005)
            await engine.approve("r", name, by="ann")
            result = await engine.resume("r")
    assert len(asked) == 3
    assert {result.output} == set(asked)


async def test_what_was_drawn_survives_a_drain_before_it_is_asked_for_again(
    world: World, store: MemoryStore
) -> None:
    asked: list[str] = []

    @workflow("slow")
    async def slow(ctx: Context) -> Any:
        if asked:
            await asyncio.sleep(60 if len(asked) == 1 else 0)
        at = str(ctx.now())
        asked.append(at)
        await ctx.approve("go", {"at": at})
        return at

    async with engine_of(world, store, slow) as engine:
        await engine.run(slow, run_id="r", seed=1)
        await engine.approve("r", "go", by="ann")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engine.resume("r"), 0.05)
        asked.append("drained")
        result = await engine.resume("r")
    assert result.output == asked[0] == asked[2]


async def test_a_child_run_has_an_id_of_its_own_and_is_not_run_twice(
    world: World, store: MemoryStore
) -> None:
    @workflow("child")
    async def child(ctx: Context, n: int) -> Any:
        return await ctx.step(world.pay, n)

    @workflow("parent")
    async def parent(ctx: Context) -> Any:
        first = await ctx.child(child, n=1)
        return [first, await ctx.child("child", n=2), await ctx.step(world.flaky, "x")]

    world.failures["x"] = [ValueError("down")]
    async with engine_of(world, store, child, parent) as engine:
        failed = await engine.run(parent, run_id="p", seed=1)
    assert failed.status is RunStatus.FAILED
    assert world.calls["pay shop"] == 2
    heads = [await store.load(f"p.{place}-child") for place in (1, 2)]
    assert [head and head.parent_run_id for head in heads] == ["p", "p"]
    assert [head and head.status for head in heads] == [RunStatus.COMPLETED] * 2


async def test_a_parent_waits_for_a_child_that_waits_for_people(
    world: World, store: MemoryStore
) -> None:
    @workflow("asking")
    async def asking(ctx: Context) -> Any:
        return bool(await ctx.approve("ok"))

    @workflow("outer")
    async def outer(ctx: Context) -> Any:
        return {"child": await ctx.child(asking)}

    async with engine_of(world, store, asking, outer) as engine:
        waiting = await engine.run(outer, run_id="p", seed=1)
        assert waiting.status is RunStatus.SUSPENDED
        await engine.approve("p.1-asking", "ok", by="ann")
        await Worker(engine).run_until_idle()
        result = await engine.result("p")
    assert result.output == {"child": True}


async def test_a_failed_child_fails_its_step_with_the_same_code(
    world: World, store: MemoryStore
) -> None:
    @workflow("bad")
    async def bad(ctx: Context) -> Any:
        return await ctx.step("no_such_skill")

    @workflow("outer")
    async def outer(ctx: Context) -> Any:
        try:
            await ctx.child(bad)
        except StepFailedError as error:
            return error.error_code

    async with engine_of(world, store, bad, outer) as engine:
        result = await engine.run(outer, seed=1)
    assert result.output == "SKILL_NOT_FOUND"


async def test_a_group_runs_so_many_at_a_time(world: World, store: MemoryStore) -> None:
    running: list[int] = []
    most = 0

    async def work(n: int) -> int:
        nonlocal most
        running.append(n)
        most = max(most, len(running))
        await asyncio.sleep(0.001)
        running.remove(n)
        return n * n

    @workflow("grouped")
    async def grouped(ctx: Context) -> Any:
        async with ctx.group(limit=3) as group:
            tasks = [group.start(ctx.call(work, n)) for n in range(10)]
        return [task.result() for task in tasks]

    async with engine_of(world, store, grouped) as engine:
        result = await engine.run(grouped, seed=1)
    assert result.output == [n * n for n in range(10)]
    assert most == 3


async def test_a_run_is_cancelled_before_its_next_step(world: World, store: MemoryStore) -> None:
    engine = engine_of(world, store)

    @workflow("long")
    async def long(ctx: Context) -> Any:
        await ctx.step(world.double, 1)
        await engine.cancel(ctx.run_id, by="test")
        await ctx.step(world.double, 2)
        return await ctx.step(world.pay, 3)

    result = await engine.run(long, run_id="r", seed=1)
    await engine.close()
    assert result.status is RunStatus.CANCELLED
    assert result.error_code == "RUN_CANCELLED"
    assert world.calls["pay shop"] == 0


async def test_limits_are_checked(world: World, store: MemoryStore) -> None:
    @workflow("wrong")
    async def wrong(ctx: Context, what: str) -> Any:
        if what == "sleep":
            await ctx.sleep(-1)
        ctx.group(0)

    async with engine_of(world, store, wrong) as engine:
        for what in ("sleep", "group"):
            result = await engine.run(wrong, inputs={"what": what}, seed=1)
            assert result.error_code == UsageError.code


async def test_the_time_limit_of_a_workflow(world: World, store: MemoryStore) -> None:
    @workflow("slow", timeout_s=0.05)
    async def slow(ctx: Context) -> Any:
        await ctx.step(world.double, 1)
        await ctx.call(asyncio.sleep, 60)

    async with engine_of(world, store, slow) as engine:
        result = await engine.run(slow, seed=1)
    assert result.status is RunStatus.FAILED
    assert result.error_code == "STEP_TIMEOUT"


async def test_the_time_limit_of_a_step(world: World, store: MemoryStore) -> None:
    @workflow("slow_step")
    async def slow_step(ctx: Context) -> Any:
        await ctx.call(asyncio.sleep, 60, timeout_s=0.02)

    async with engine_of(world, store, slow_step) as engine:
        result = await engine.run(slow_step, seed=1)
    assert result.error_code == "STEP_TIMEOUT"
    assert "longer than 0.02 s" in (result.error_message or "")

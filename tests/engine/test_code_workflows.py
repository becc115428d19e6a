"""Workflows that are code: steps, branches, time and chance, failures, and going on after a crash."""

from __future__ import annotations

import asyncio
import errno
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.engine.skills_for_tests import World

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.checkpoint.records import RunStatus
from aos_workflow.engine import Context, Retry, Workflow, WorkflowEngine, workflow
from aos_workflow.errors import (
    DivergenceError,
    RunConflictError,
    RunInputsError,
    SeedMismatchError,
    StepFailedError,
    UsageError,
    WorkflowNotFoundError,
)
from aos_workflow.golden import GoldenRecorder


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def engine_of(
    world: World, store: MemoryStore, *workflows: Workflow, **options: Any
) -> WorkflowEngine:
    options.setdefault("policy", None)
    return WorkflowEngine(world.registry(), store, workflows=workflows, **options)


async def test_steps_one_after_the_other(world: World, store: MemoryStore) -> None:
    @workflow("chain")
    async def chain(ctx: Context, n: int) -> Any:
        once = await ctx.step(world.double, n)
        return {"twice": await ctx.step("double", n=once)}

    async with engine_of(world, store, chain) as engine:
        result = await engine.run("chain", inputs={"n": 3}, seed=7)
    assert result.ok
    assert result.output == {"twice": 12}
    assert [step.step_path for step in result.step_results] == ["1:double", "2:double"]
    assert result.workflow_hash is not None
    head = await store.load(result.run_id)
    assert head is not None
    assert head.status is RunStatus.COMPLETED
    assert head.last_result_hash == result.workflow_hash
    assert dict(head.step_outputs) == {"1:double": 6, "2:double": 12}


async def test_the_same_seed_gives_the_same_hash_and_another_one_another(
    world: World, store: MemoryStore
) -> None:
    @workflow("dice")
    async def dice(ctx: Context) -> Any:
        return {"roll": ctx.random.randint(1, 10**9), "id": str(ctx.uuid())}

    async with engine_of(world, store, dice) as engine:
        one, again, other = [await engine.run(dice, seed=seed) for seed in (1, 1, 2)]
    assert one.output == again.output != other.output
    assert one.workflow_hash == again.workflow_hash != other.workflow_hash


async def test_branches_keep_their_results_whichever_is_slow(
    world: World, store: MemoryStore
) -> None:
    @workflow("branches")
    async def branches(ctx: Context) -> Any:
        async def chain(name: str) -> Any:
            found = await ctx.step(world.fetch, name)
            return [found["name"], await ctx.step(world.pay, 1, to=name)]

        return await asyncio.gather(chain("a"), chain("b"))

    hashes = set()
    for slow in ("a", "b"):
        world.delays_s = {slow: 0.01}
        async with engine_of(world, MemoryStore(), branches) as engine:
            result = await engine.run(branches, seed=1)
        assert result.output == [["a", "1 to a"], ["b", "1 to b"]]
        hashes.add(tuple(step.step_path for step in result.step_results))
    assert hashes == {("1/1:fetch", "1/2:pay", "2/1:fetch", "2/2:pay")}


async def test_time_is_journaled(world: World, store: MemoryStore) -> None:
    seen: list[datetime] = []

    @workflow("clock")
    async def clock(ctx: Context) -> Any:
        seen.append(ctx.now())
        await ctx.step(world.pay, 1)
        await ctx.step(world.flaky, "x")
        return seen[-1].isoformat()

    world.failures["x"] = [ValueError("down")]
    async with engine_of(world, store, clock) as engine:
        failed = await engine.run(clock, run_id="r", seed=1)
        await asyncio.sleep(0.002)
        resumed = await engine.run(clock, run_id="r", seed=1)
    assert failed.status is RunStatus.FAILED
    assert seen[0] == seen[1]
    assert resumed.output == seen[0].isoformat()


async def test_a_failed_step_fails_the_run_with_its_code(world: World, store: MemoryStore) -> None:
    @workflow("failing")
    async def failing(ctx: Context) -> Any:
        return await ctx.step(world.flaky, "x")

    world.failures["x"] = [ValueError("no luck")]
    async with engine_of(world, store, failing) as engine:
        result = await engine.run(failing, seed=1)
    assert result.status is RunStatus.FAILED
    assert result.error_code == "EXECUTION_ERROR"
    assert "ValueError: no luck" in result.errors[0]
    with pytest.raises(StepFailedError, match="no luck"):
        result.raise_for_status()


async def test_a_step_is_tried_as_often_as_it_may(world: World, store: MemoryStore) -> None:
    @workflow("retrying")
    async def retrying(ctx: Context) -> Any:
        return await ctx.step(world.flaky, "x", retry=Retry(3, backoff_s=0.001))

    world.failures["x"] = [ValueError("1"), ValueError("2")]
    async with engine_of(world, store, retrying) as engine:
        result = await engine.run(retrying, seed=1)
    assert result.ok
    assert result.step_results[0].attempts == world.calls["flaky x"] == 3


async def test_a_workflow_may_catch_a_failed_step_and_sees_the_same_again(
    world: World, store: MemoryStore
) -> None:
    @workflow("catching")
    async def catching(ctx: Context) -> Any:
        try:
            await ctx.step(world.flaky, "x")
        except StepFailedError as error:
            return {"code": error.error_code, "text": error.message}

    world.failures["x"] = [ValueError("no luck")]
    async with engine_of(world, store, catching) as engine:
        result = await engine.run(catching, run_id="r", seed=1)
    assert result.ok
    assert result.output["code"] == "EXECUTION_ERROR"


async def test_going_on_executes_nothing_again(world: World, store: MemoryStore) -> None:
    crash = asyncio.Event()

    @workflow("interrupted")
    async def interrupted(ctx: Context) -> Any:
        first = await ctx.step(world.fetch, "a")
        await ctx.step(world.pay, 3)
        if not crash.is_set():
            crash.set()
            await asyncio.Event().wait()
        return [first, await ctx.step(world.double, 4)]

    engine = engine_of(world, store, interrupted)
    task = asyncio.create_task(engine.run(interrupted, run_id="r", seed=1))
    await crash.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with engine_of(world, store, interrupted) as second:
        result = await second.run(interrupted, run_id="r", seed=1)
    await engine.close()
    assert result.ok
    assert world.calls["fetch a"] == world.calls["pay shop"] == 1
    world.reads = 0
    undisturbed = await engine_of(world, MemoryStore(), interrupted).run(interrupted, seed=1)
    assert undisturbed.workflow_hash == result.workflow_hash


async def test_another_seed_for_a_run_that_exists_is_refused(
    world: World, store: MemoryStore
) -> None:
    @workflow("seeded")
    async def seeded(ctx: Context) -> int:
        return 1

    async with engine_of(world, store, seeded) as engine:
        await engine.run(seeded, run_id="r", seed=1)
        with pytest.raises(SeedMismatchError, match="expected 1, got 2"):
            await engine.run(seeded, run_id="r", seed=2)


async def test_the_id_of_another_run_gives_no_result_of_that(
    world: World, store: MemoryStore
) -> None:
    @workflow("counts")
    async def counts(ctx: Context, n: int = 1) -> int:
        return n

    @workflow("other")
    async def other(ctx: Context) -> str:
        return "other"

    async with engine_of(world, store, counts, other) as engine:
        await engine.run(counts, run_id="r", inputs={"n": 7})
        for what, inputs in ((other, None), ("other", {}), (counts, {"n": 8}), (None, {"n": 8})):
            with pytest.raises(RunConflictError, match="another one"):
                await engine.run(what, run_id="r", inputs=inputs)
        assert (await engine.run(counts, run_id="r", inputs={"n": 7})).output == 7
        assert (await engine.run(run_id="r")).output == 7


async def test_a_start_without_a_seed_takes_that_of_the_run_that_exists(
    world: World, store: MemoryStore
) -> None:
    @workflow("counts")
    async def counts(ctx: Context, n: int = 1) -> int:
        return n

    async with engine_of(world, store, counts) as engine:
        first = await engine.start(counts, run_id="r", inputs={"n": 7})
        again = await engine.start(counts, run_id="r", inputs={"n": 7})
        assert (again.run_id, again.seed) == (first.run_id, first.seed)
        with pytest.raises(RunConflictError, match="input"):
            await engine.start(counts, run_id="r", inputs={"n": 8})
        with pytest.raises(RunConflictError, match="seed"):
            await engine.start(counts, run_id="r", inputs={"n": 7}, seed=first.seed ^ 1)


async def test_a_resume_without_the_code_leaves_the_run_to_others(
    world: World, store: MemoryStore
) -> None:
    @workflow("asks")
    async def asks(ctx: Context) -> bool:
        return bool(await ctx.approve("go"))

    async with engine_of(world, store, asks) as engine, engine_of(world, store) as ignorant:
        await engine.run(asks, run_id="r", seed=1)
        with pytest.raises(WorkflowNotFoundError):
            await ignorant.resume("r")
        head = await store.load("r")
        assert head is not None
        assert (head.status, head.owner) == (RunStatus.SUSPENDED, None)
        await engine.approve("r", "go", by="ann")
        assert (await engine.resume("r")).output is True


async def test_a_run_that_is_over_gives_its_result_again(world: World, store: MemoryStore) -> None:
    @workflow("once")
    async def once(ctx: Context) -> Any:
        return await ctx.step(world.pay, 1)

    async with engine_of(world, store, once) as engine:
        first = await engine.run(once, run_id="r", seed=1)
        second = await engine.run(once, run_id="r", seed=1)
        third = await engine.run(once, idempotency_key="k", seed=1)
        fourth = await engine.run(once, idempotency_key="k", seed=1)
    assert first.workflow_hash == second.workflow_hash
    assert third.run_id == fourth.run_id
    assert world.calls["pay shop"] == 2


@pytest.mark.parametrize("change", ["input", "inserted", "removed", "renamed", "swapped"])
async def test_changed_code_is_found_before_anything_runs(
    world: World, store: MemoryStore, change: str
) -> None:
    fetch, pay, double, flaky = world.fetch, world.pay, world.double, world.flaky

    async def before(ctx: Context) -> Any:
        await ctx.step(double, 1)
        await ctx.step(pay, 5)
        return await ctx.step(flaky, "x")

    async def after(ctx: Context) -> Any:
        if change == "swapped":
            await ctx.step(pay, 5)
            await ctx.step(double, 1)
            return await ctx.step(flaky, "x")
        await ctx.step(double, 2 if change == "input" else 1)
        if change == "inserted":
            await ctx.step(fetch, "new")
        if change != "removed":
            await (
                ctx.step(pay, 5, step_id="pay_again") if change == "renamed" else ctx.step(pay, 5)
            )
        return await ctx.step(flaky, "x")

    world.failures["x"] = [ValueError("down")]
    engine = engine_of(world, store)
    first = await engine.run(workflow("changing")(before), run_id="r", seed=1)
    assert first.status is RunStatus.FAILED
    calls = dict(world.calls)
    with pytest.raises(DivergenceError) as caught:
        await engine_of(world, store).run(workflow("changing")(after), run_id="r", seed=1)
    assert dict(world.calls) == calls
    assert caught.value.file == __file__
    assert caught.value.step_path
    head = await store.load("r")
    assert head is not None
    assert head.status is RunStatus.QUARANTINED
    assert head.error_code == "REPLAY_DIVERGENCE"


async def test_what_cannot_be_given_back_is_refused_with_its_place(
    world: World, store: MemoryStore
) -> None:
    @workflow("sets")
    async def sets(ctx: Context) -> Any:
        return await ctx.call(lambda: {"tags": {"a", "b"}})

    async with engine_of(world, store, sets) as engine:
        result = await engine.run(sets, seed=1)
    assert result.status is RunStatus.FAILED
    assert ".tags is of type set" in result.errors[0]


async def test_unknown_names_and_inputs_are_refused(world: World, store: MemoryStore) -> None:
    @workflow("known")
    async def known(ctx: Context, n: int) -> int:
        return n

    async with engine_of(world, store, known) as engine:
        with pytest.raises(WorkflowNotFoundError, match="did you mean 'known'"):
            await engine.run("knwon")
        with pytest.raises(RunInputsError, match="missing a required argument"):
            await engine.run("known")
        with pytest.raises(UsageError, match="64 bits"):
            await engine.run("known", inputs={"n": 1}, seed=2**63)


async def test_a_golden_is_written_in_program_order(
    world: World, store: MemoryStore, tmp_path: Path
) -> None:
    @workflow("recorded", version="2")
    async def recorded(ctx: Context) -> Any:
        a, b = await asyncio.gather(ctx.step(world.fetch, "a"), ctx.step(world.fetch, "b"))
        return {"a": a["name"], "b": b["name"], "at": ctx.now().isoformat()}

    world.delays_s = {"a": 0.01}
    recorder = GoldenRecorder(tmp_path, secret="s3cret-for-tests")
    async with engine_of(world, store, recorded, golden=recorder) as engine:
        result = await engine.run(recorded, run_id="r", seed=5)
    assert result.golden == tmp_path / "r.steps.jsonl"
    assert recorder.verify_golden(result.golden)
    events = recorder.load_golden(result.golden)
    assert [event.event_type for event in events] == ["run_start", "step", "step", "run_end"]
    assert [event.data["step_path"] for event in events[1:3]] == ["1/1:fetch", "2/1:fetch"]
    assert [event.data["index"] for event in events[1:3]] == [0, 1]
    assert events[0].data["seed"] == 5
    for event in events[1:3]:
        step = result.step_results[event.data["index"]]
        assert step.content_hash() == event.data["output_hash"]
    replayed = await engine_of(world, MemoryStore(), recorded, golden=recorder).run(
        recorded, run_id="r", seed=5, replay=True
    )
    assert replayed.output == result.output
    assert replayed.workflow_hash == result.workflow_hash
    assert world.calls == {"fetch a": 1, "fetch b": 1}


@pytest.mark.parametrize("full_at", range(4))
async def test_a_full_disk_ends_the_recording_and_not_the_run(
    world: World, store: MemoryStore, tmp_path: Path, full_at: int
) -> None:
    @workflow("recorded")
    async def recorded(ctx: Context) -> Any:
        return [await ctx.step(world.fetch, "a"), await ctx.step(world.fetch, "b")]

    written = []

    class FullDisk(GoldenRecorder):
        def _append(self, run_id: str, event_type: str, *data: Any) -> Any:
            written.append(event_type)
            if len(written) > full_at:
                raise OSError(errno.ENOSPC, "no space left on device")
            return super()._append(run_id, event_type, *data)

    result = await engine_of(world, store, recorded, golden=FullDisk(tmp_path)).run(recorded)
    assert result.status is RunStatus.COMPLETED
    assert result.golden is None
    assert result.golden_error is not None
    assert "no space left" in result.golden_error.message
    assert len(written) == full_at + 1

"""Replays: a recorded run again, from its golden alone. The first difference is named; nothing outside is touched."""

from __future__ import annotations

import asyncio
import contextlib
import linecache
import os
import random
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.engine.skills_for_tests import World

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.checkpoint.records import RunStatus
from aos_workflow.engine import Context, StepSpec, WorkflowEngine, WorkflowSpec, workflow
from aos_workflow.errors import (
    DivergenceError,
    ExternalCallBlockedError,
    GoldenMissingError,
    GoldenTamperedError,
    UsageError,
)
from aos_workflow.golden import GoldenRecorder
from aos_workflow.skills import SkillRegistry, skill


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def recorder(tmp_path: Path) -> GoldenRecorder:
    return GoldenRecorder(tmp_path / "golden", secret="a secret for tests")


def engine_of(world: World, recorder: GoldenRecorder | None, *workflows: Any) -> WorkflowEngine:
    return WorkflowEngine(
        world.registry(), MemoryStore(), golden=recorder, policy=None, workflows=workflows
    )


async def record(world: World, recorder: GoldenRecorder, body: Any, **inputs: Any) -> None:
    engine = engine_of(world, recorder)
    result = await engine.run(workflow("w")(body), run_id="r", seed=1, inputs=inputs)
    assert result.ok, result.errors
    await engine.close()


async def replay(world: World, recorder: GoldenRecorder, body: Any, **options: Any) -> Any:
    engine = engine_of(world, recorder)
    return await engine.run(workflow("w")(body), run_id="r", replay=True, **options)


async def diverges(world: World, recorder: GoldenRecorder, body: Any) -> DivergenceError:
    before = dict(world.calls)
    with pytest.raises(DivergenceError) as caught:
        await replay(world, recorder, body)
    outside = {name: count for name, count in world.calls.items() if name != "double"}
    assert outside == {name: count for name, count in before.items() if name != "double"}
    return caught.value


async def test_a_replay_needs_no_store_and_reaches_nothing(
    world: World, recorder: GoldenRecorder
) -> None:
    async def body(ctx: Context) -> Any:
        found = await ctx.step(world.fetch, "a")
        paid = await ctx.step(world.pay, found["reading"])
        await ctx.sleep(0.01)
        return [paid, ctx.now().isoformat(), str(ctx.uuid()), ctx.random.random()]

    await record(world, recorder, body)
    golden = recorder.path_of("r").read_bytes()
    result = await replay(world, recorder, body)
    assert result.ok
    assert world.calls == {"fetch a": 1, "pay shop": 1}
    assert recorder.path_of("r").read_bytes() == golden


async def test_a_changed_input_is_named_with_its_path_and_both_values(
    world: World, recorder: GoldenRecorder
) -> None:
    async def before(ctx: Context) -> Any:
        return await ctx.step(world.pay, 5, to="ann")

    async def after(ctx: Context) -> Any:
        return await ctx.step(world.pay, 6, to="ann")

    await record(world, recorder, before)
    error = await diverges(world, recorder, after)
    assert error.kind == "input"
    assert error.step_path == "1:pay"
    (entry,) = error.diffs
    assert (entry["path"], entry["expected"], entry["got"]) == (".amount", 5, 6)
    assert error.file == __file__
    assert "ctx.step(world.pay, 6" in linecache.getline(__file__, error.line or 0)


async def test_a_changed_result_is_a_divergence(world: World, recorder: GoldenRecorder) -> None:
    async def before(ctx: Context) -> Any:
        return {"paid": await ctx.step(world.pay, 5), "n": 1}

    async def after(ctx: Context) -> Any:
        return {"paid": await ctx.step(world.pay, 5), "n": 2}

    await record(world, recorder, before)
    error = await diverges(world, recorder, after)
    assert error.kind == "result"
    assert error.diffs[0]["path"] == ".n"


async def test_trailing_steps_that_are_gone_are_a_divergence(
    world: World, recorder: GoldenRecorder
) -> None:
    async def before(ctx: Context) -> Any:
        await ctx.step(world.fetch, "a")
        await ctx.step(world.pay, 5)
        return 1

    async def after(ctx: Context) -> Any:
        await ctx.step(world.fetch, "a")
        return 1

    await record(world, recorder, before)
    error = await diverges(world, recorder, after)
    assert error.kind == "missing"
    assert error.step_path == "2:pay"


async def test_a_step_put_before_a_recorded_payment_is_found_before_anything_runs(
    world: World, recorder: GoldenRecorder
) -> None:
    async def before(ctx: Context) -> Any:
        return await ctx.step(world.pay, 5)

    async def after(ctx: Context) -> Any:
        await ctx.step(world.fetch, "new")
        return await ctx.step(world.pay, 5)

    await record(world, recorder, before)
    error = await diverges(world, recorder, after)
    assert error.kind == "extra"
    assert "1:fetch" in error.message
    assert "'1:pay'" in error.message


@pytest.mark.parametrize("what", ["random", "time"])
async def test_chance_and_time_inside_an_input_are_found(
    world: World, recorder: GoldenRecorder, what: str
) -> None:
    values = iter([1, 2])

    async def body(ctx: Context) -> Any:
        drawn = random.random() if what == "random" else datetime.now(UTC).isoformat()
        return await ctx.step(world.pay, next(values), to=str(drawn))

    await record(world, recorder, body)
    error = await diverges(world, recorder, body)
    assert error.kind == "input"
    assert ".to" in [entry["path"] for entry in error.diffs]


async def test_what_has_no_side_effects_is_executed_again_and_compared(
    world: World, recorder: GoldenRecorder
) -> None:
    factor = [2]

    @skill("scale", side_effects="none")
    def scale(n: int) -> dict[str, int]:
        return {"scaled": factor[0] * n}

    async def body(ctx: Context) -> Any:
        return await ctx.step(scale, 4)

    await record(world, recorder, body)
    factor[0] = 3
    error = await diverges(world, recorder, body)
    assert error.kind == "output"
    assert error.diffs[0]["path"] == ".scaled"
    assert (error.diffs[0]["expected"], error.diffs[0]["got"]) == (8, 12)


@pytest.mark.parametrize("side_effects", ["none", "writes"])
async def test_another_version_of_a_skill_is_named(
    recorder: GoldenRecorder, side_effects: Any
) -> None:
    def engine(*versions: str) -> WorkflowEngine:
        made = [
            skill("scale", version=version, side_effects=side_effects)(
                lambda n, version=version: n * int(version)
            )
            for version in versions
        ]
        return WorkflowEngine(SkillRegistry(*made), MemoryStore(), golden=recorder, policy=None)

    spec = WorkflowSpec(
        workflow_id="w",
        steps=(StepSpec(step_id="a", skill="scale", inputs={"n": 2}),),
        outputs={"a": "${a}"},
    )
    assert (await engine("1").run(spec, run_id="r", seed=1)).output == {"a": 2}
    with pytest.raises(DivergenceError, match=r"was version '1', .*; version '2' is") as caught:
        await engine("2").run(spec, run_id="r", replay=True)
    assert (caught.value.kind, caught.value.expected, caught.value.got) == ("step", "1", "2")
    assert (await engine("1", "2").run(spec, run_id="r", replay=True)).output == {"a": 2}


async def test_what_must_be_executed_again_needs_its_skill(
    world: World, recorder: GoldenRecorder
) -> None:
    async def body(ctx: Context) -> Any:
        return await ctx.step("double", n=1)

    await record(world, recorder, body)
    bare = WorkflowEngine(SkillRegistry(), MemoryStore(), golden=recorder, policy=None)
    with pytest.raises(DivergenceError, match="was version '1', which is not registered here"):
        await bare.run(workflow("w")(body), run_id="r", replay=True)


async def test_a_draw_that_is_new_is_a_divergence(world: World, recorder: GoldenRecorder) -> None:
    async def before(ctx: Context) -> Any:
        return await ctx.step(world.double, 1)

    async def after(ctx: Context) -> Any:
        doubled = await ctx.step(world.double, 1)
        ctx.now()
        return doubled

    await record(world, recorder, before)
    assert (await diverges(world, recorder, after)).kind == "draw"
    await record_again(world, recorder, after)
    assert (await diverges(world, recorder, before)).kind == "missing"


async def record_again(world: World, recorder: GoldenRecorder, body: Any) -> None:
    recorder.path_of("r").unlink()
    await record(world, recorder, body)


async def test_a_failed_run_replays_as_failed(world: World, recorder: GoldenRecorder) -> None:
    async def body(ctx: Context) -> Any:
        return await ctx.step(world.flaky, "x")

    world.failures["x"] = [ValueError("down")]
    engine = engine_of(world, recorder)
    await engine.run(workflow("w")(body), run_id="r", seed=1)
    result = await replay(world, recorder, body)
    assert result.status is RunStatus.FAILED
    assert world.calls["flaky x"] == 1


def start_process() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.mark.parametrize("call", ["socket", "lookup", "process"])
async def test_an_escaped_call_is_stopped_and_its_line_named(
    world: World, recorder: GoldenRecorder, call: str
) -> None:
    live = [True]
    call_of = {"socket": ".connect(", "lookup": "getaddrinfo(", "process": "subprocess.run("}

    async def body(ctx: Context) -> Any:
        await ctx.step(world.pay, 1)
        if not live[0]:
            try:
                if call == "socket":
                    with socket.socket() as plug:
                        plug.settimeout(0.1)
                        plug.connect(("192.0.2.1", 80))
                elif call == "lookup":
                    socket.getaddrinfo("example.com", 80)
                else:
                    start_process()
            except Exception:  # noqa: BLE001 - a program that catches everything must not hide it
                pass
        return 1

    await record(world, recorder, body)
    live[0] = False
    with pytest.raises(ExternalCallBlockedError) as caught:
        await replay(world, recorder, body)
    file, _, line = caught.value.site.rpartition(":")
    assert file == __file__
    assert call_of[call] in linecache.getline(__file__, int(line))
    start_process()  # open again


def connect_elsewhere() -> None:
    socket.getaddrinfo("example.com", 80)


def connect_to_a_name_like_loopback() -> None:
    socket.getaddrinfo("localhost.example.com", 80)


def in_thread() -> None:
    thread = threading.Thread(target=_in_silence)
    thread.start()
    thread.join()


def _in_silence() -> None:
    with contextlib.suppress(Exception):
        connect_elsewhere()


def in_pool() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(start_process).result()


def fork_here() -> None:
    if os.fork() == 0:
        os._exit(0)


@pytest.mark.parametrize(
    "escape",
    [in_thread, in_pool, fork_here, connect_to_a_name_like_loopback],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("from_step", [True, False], ids=["step", "body"])
async def test_no_thread_leads_out_of_a_replay(
    world: World, recorder: GoldenRecorder, escape: Any, *, from_step: bool
) -> None:
    live = [True]

    @skill("pure", side_effects="none")
    def pure() -> int:
        if from_step and not live[0]:
            escape()
        return 1

    async def body(ctx: Context) -> Any:
        if not from_step and not live[0]:
            escape()
        return await ctx.step(pure)

    await record(world, recorder, body)
    live[0] = False
    with pytest.raises(ExternalCallBlockedError) as caught:
        await replay(world, recorder, body)
    assert Path(caught.value.site.rpartition(":")[0]) == Path(__file__)


async def test_what_the_loop_hands_to_its_threads_is_stopped_and_their_other_work_is_not(
    world: World, recorder: GoldenRecorder
) -> None:
    live = [True]
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()

    async def body(ctx: Context) -> Any:
        if not live[0]:
            begun.set()
            await asyncio.sleep(0.05)  # others are at work meanwhile
            for lookup in (
                loop.getaddrinfo("example.com", 80),
                loop.run_in_executor(None, start_process),
            ):
                with pytest.raises(ExternalCallBlockedError, match=r"test_replays\.py:"):
                    await lookup
        return 1

    async def another_run() -> None:
        await begun.wait()
        await loop.run_in_executor(None, start_process)

    await record(world, recorder, body)
    live[0] = False
    other = asyncio.create_task(another_run())
    with pytest.raises(ExternalCallBlockedError):
        await replay(world, recorder, body)
    await other
    await loop.run_in_executor(None, start_process)  # by a thread that the replay has used
    await asyncio.to_thread(in_pool)


async def test_a_live_run_notes_what_escapes_in_its_golden(
    world: World, recorder: GoldenRecorder
) -> None:
    async def body(ctx: Context) -> Any:
        await ctx.call(start_process)
        start_process()
        return await ctx.step(world.pay, 1)

    await record(world, recorder, body)
    events = recorder.load_golden("r.steps.jsonl")
    (noted,) = [event for event in events if event.event_type == "external_call"]
    assert noted.data["event"] == "subprocess.Popen"
    assert noted.data["site"].startswith("test_replays.py:")
    with pytest.raises(ExternalCallBlockedError):
        await replay(world, recorder, body)


async def test_a_golden_of_a_run_that_escapes_nowhere_has_no_such_word(
    world: World, recorder: GoldenRecorder
) -> None:
    async def body(ctx: Context) -> Any:
        return await ctx.call(start_process)

    await record(world, recorder, body)
    text = recorder.path_of("r").read_text().lower()
    assert "external" not in text
    assert "http" not in text


async def test_loopback_may_be_reached(world: World, recorder: GoldenRecorder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        async def body(ctx: Context) -> Any:
            with socket.create_connection(server.getsockname()):
                return await ctx.step(world.pay, 1)

        await record(world, recorder, body)
        assert (await replay(world, recorder, body)).ok


async def test_another_version_is_not_compared(world: World, recorder: GoldenRecorder) -> None:
    async def body(ctx: Context) -> Any:
        return 1

    await record(world, recorder, body)
    engine = engine_of(world, recorder)
    with pytest.raises(DivergenceError, match="another version"):
        await engine.run(workflow("w", version="2")(body), run_id="r", replay=True)


async def test_as_the_runbook_replays(world: World, recorder: GoldenRecorder) -> None:
    """The golden is found by workflow and seed, for the run id is a new one."""
    spec = WorkflowSpec(
        workflow_id="book",
        steps=(
            StepSpec(step_id="a", skill="fetch", inputs={"name": "a"}),
            StepSpec(step_id="b", skill="pay", inputs={"amount": "${a.reading}"}),
        ),
    )
    store = MemoryStore()
    engine = WorkflowEngine(world.registry(), store, golden=recorder, policy=None)
    await engine.run(spec, run_id="original", seed=42)
    events = recorder.load_golden("original.steps.jsonl")
    seed = events[0].data["seed"]
    result = await engine.run(spec, run_id="replay-test", seed=seed, replay=True)
    for event in events:
        if event.event_type == "step":
            replayed = result.step_results[event.data["index"]].content_hash()
            assert replayed == event.data.get("output_hash")
    assert not recorder.path_of("replay-test").exists()
    assert await store.load("replay-test") is None
    assert world.calls == {"fetch a": 1, "pay shop": 1}


async def test_without_a_golden_there_is_nothing_to_replay(
    world: World, recorder: GoldenRecorder
) -> None:
    async def body(ctx: Context) -> Any:
        return 1

    with pytest.raises(GoldenMissingError, match="no golden of run 'r'"):
        await replay(world, recorder, body)
    with pytest.raises(UsageError, match="needs the goldens"):
        await engine_of(world, None).run(workflow("w")(body), run_id="r", replay=True)
    with pytest.raises(UsageError, match="verify, dry_run, live"):
        await engine_of(world, recorder).run(workflow("w")(body), run_id="r", replay="again")


async def test_an_edited_golden_is_not_replayed(world: World, recorder: GoldenRecorder) -> None:
    async def body(ctx: Context) -> Any:
        return await ctx.step(world.pay, 5)

    await record(world, recorder, body)
    path = recorder.path_of("r")
    path.write_bytes(path.read_bytes().replace(b'"5 to shop"', b'"9 to shop"'))
    with pytest.raises(GoldenTamperedError):
        await replay(world, recorder, body)


async def test_an_edited_golden_is_not_passed_over_for_another(
    world: World, recorder: GoldenRecorder
) -> None:
    async def body(ctx: Context) -> Any:
        return await ctx.step(world.pay, 5)

    await record(world, recorder, body)
    again = engine_of(world, recorder)
    await again.run(workflow("w")(body), run_id="newer", seed=1)
    path = recorder.path_of("newer")
    path.write_bytes(path.read_bytes().replace(b'"seed":1', b'"seed":2'))
    for _ in range(2):  # beside another one, and alone
        with pytest.raises(GoldenTamperedError):
            await again.run(workflow("w")(body), seed=1, replay=True)
        recorder.path_of("r").unlink(missing_ok=True)


async def test_a_run_without_a_golden_is_not_replaced_by_another(
    world: World, recorder: GoldenRecorder
) -> None:
    async def body(ctx: Context) -> Any:
        return 1

    await record(world, recorder, body)
    engine = engine_of(world, recorder)
    with pytest.raises(GoldenMissingError, match="no golden of run 'mistyped'"):
        await engine.run(workflow("w")(body), run_id="mistyped", replay=True)


async def test_a_live_replay_is_a_new_run_that_is_compared(
    world: World, recorder: GoldenRecorder
) -> None:
    async def body(ctx: Context) -> Any:
        await ctx.step(world.pay, 5)
        return (await ctx.step(world.fetch, "a"))["name"]

    await record(world, recorder, body)
    engine = engine_of(world, recorder)
    with pytest.raises(DivergenceError) as caught:  # the world has moved on
        await engine.run(workflow("w")(body), run_id="r", replay="live")
    assert (caught.value.kind, caught.value.step_path) == ("output", "2:fetch")
    world.reads = 0
    engine = engine_of(world, recorder)
    assert (await engine.run(workflow("w")(body), run_id="r", replay="live")).ok
    assert world.calls["pay shop"] == 3


async def test_a_dry_run_touches_nothing_and_estimates(
    world: World, recorder: GoldenRecorder
) -> None:
    spec = WorkflowSpec(
        workflow_id="book",
        steps=(
            StepSpec(step_id="n", skill="double", inputs={"n": 2}),
            StepSpec(step_id="a", skill="pay", inputs={"amount": "${n}"}),
            StepSpec(step_id="b", skill="pay", inputs={"amount": 1}, depends_on=("a",)),
            StepSpec(step_id="c", skill="pay", inputs={"amount": 1}, cost_cents=7),
        ),
    )
    engine = engine_of(world, None)
    result = await engine.run(spec, replay="dry_run")
    assert world.calls == {"double": 1}
    assert result.status is RunStatus.SUSPENDED
    assert result.reason == "dry run: not executed: a, c, b"
    assert result.estimated_cents == 17


async def test_a_dry_run_of_code_goes_as_far_as_it_can(
    world: World, recorder: GoldenRecorder
) -> None:
    async def body(ctx: Context) -> Any:
        n = await ctx.step(world.double, 4)
        await asyncio.gather(ctx.step(world.pay, n), ctx.step(world.pay, 1))
        return n

    engine = engine_of(world, recorder)
    result = await engine.run(workflow("w")(body), replay="dry_run")
    assert result.estimated_cents == 10
    await record(world, recorder, body)
    calls = dict(world.calls)
    served = await engine_of(world, recorder).run(workflow("w")(body), run_id="r", replay="dry_run")
    assert served.ok
    assert served.estimated_cents == 0
    assert dict(world.calls) == calls


def test_goldens_that_no_engine_wrote_are_refused(world: World, recorder: GoldenRecorder) -> None:
    recorder.record_run_start("r", spec_id="w", seed=1)
    recorder.record_step("r", step_id="a", output=1)
    recorder.record_run_end("r")

    async def body(ctx: Context) -> Any:
        return 1

    from aos_workflow.errors import GoldenForeignError

    with pytest.raises(GoldenForeignError, match="cannot be replayed"):
        asyncio.run(replay(world, recorder, body))


def test_the_registry_is_not_needed_for_what_is_served(
    world: World, recorder: GoldenRecorder
) -> None:
    async def body(ctx: Context) -> Any:
        return await ctx.step("pay", amount=1)

    async def both() -> Any:
        await record(world, recorder, body)
        bare = WorkflowEngine(SkillRegistry(), MemoryStore(), golden=recorder, policy=None)
        return await bare.run(workflow("w")(body), run_id="r", replay=True)

    assert asyncio.run(both()).ok

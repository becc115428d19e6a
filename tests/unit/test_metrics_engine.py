"""What an engine counts while it works: every path that ends an execution, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aos_workflow.assembly.metering import registry_for, watch
from aos_workflow.checkpoint import MemoryStore
from aos_workflow.checkpoint.records import Commit, Committed
from aos_workflow.engine import Context, WorkflowEngine, workflow
from aos_workflow.errors import (
    CheckpointVersionConflictError,
    DivergenceError,
    GoldenFileError,
    StoreUnavailableError,
)
from aos_workflow.golden import GoldenRecorder
from aos_workflow.metrics import EngineMeter, Registry
from aos_workflow.metrics import catalogue as m
from aos_workflow.policies import EmergencyStop, Limits, PolicyEnforcer
from aos_workflow.skills import SkillRegistry, skill

ANSWER = {"value": 1}


@skill("ask", side_effects="none", cost_cents=2)
def ask() -> int:
    return ANSWER["value"]


@skill("break", side_effects="none")
def broken() -> int:
    raise RuntimeError("broken")


@workflow("asks")
async def asks(ctx: Context) -> Any:
    return await ctx.step(ask)


@workflow("breaks")
async def breaks(ctx: Context) -> Any:
    return await ctx.step(broken)


@workflow("looks")
async def looks(ctx: Context) -> Any:
    return await ctx.step("no_such_skill")


@pytest.fixture
def registry() -> Registry:
    return registry_for("engine")


def made(registry: Registry, **options: Any) -> WorkflowEngine:
    usual = {"store": MemoryStore(), "policy": None, "emergency": None}
    return WorkflowEngine(
        SkillRegistry(ask, broken),
        workflows=[asks, breaks, looks],
        meter=EngineMeter(registry),
        **(usual | options),
    )


def value(registry: Registry, metric: m.Metric, *labels: str) -> float:
    return registry[metric].value(*labels).value


async def test_a_run_its_step_and_its_checkpoints(registry: Registry) -> None:
    async with made(registry) as engine:
        await engine.run("asks", seed=1)
    assert value(registry, m.RUNS, "completed") == 1
    assert value(registry, m.EXECUTIONS, "asks", "completed") == 1
    assert value(registry, m.COST) == 2
    assert sum(registry[m.STEP_SECONDS].histogram("ask", "completed").counts) == 1
    assert sum(registry[m.SAVE_SECONDS].histogram().counts) == 2  # the step, the end
    assert sum(registry[m.CHECKPOINT_SECONDS].histogram("load").counts) == 1


@pytest.mark.parametrize(
    ("name", "code"), [("breaks", "EXECUTION_ERROR"), ("looks", "SKILL_NOT_FOUND")]
)
async def test_a_failure_by_its_code(registry: Registry, name: str, code: str) -> None:
    async with made(registry) as engine:
        await engine.run(name, seed=1)
    assert value(registry, m.RUNS, "failed") == 1
    assert value(registry, m.STEP_FAILURES, code) == 1


async def test_a_budget_suspends_and_is_no_failure(registry: Registry) -> None:
    policy = PolicyEnforcer(Limits(workflow_ceiling_cents=1))
    async with made(registry, policy=policy) as engine:
        await engine.run("asks", seed=1)
    assert value(registry, m.REFUSALS, "budget") == 1
    assert value(registry, m.EXECUTIONS, "asks", "suspended") == 1
    assert value(registry, m.RUNS, "failed") == 0


async def test_an_emergency_stop(registry: Registry, tmp_path: Path) -> None:
    stop_file = tmp_path / "stop"
    store = MemoryStore()
    async with made(registry, store=store, emergency=EmergencyStop(stop_file=stop_file)) as engine:
        head = await engine.start("asks", seed=1)
        stop_file.touch()
        (taken,) = await store.claim(engine.presence.worker_id)
        await engine.go_on(taken)
        assert (await engine.result(head.run_id)).status == "suspended"
    assert value(registry, m.REFUSALS, "stop") == 1


async def test_a_replay_that_differs_and_a_golden_that_was_touched(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with made(registry, golden=GoldenRecorder(tmp_path, secret="a long secret")) as engine:
        result = await engine.run("asks", seed=1)
        await engine.replay(run_id=result.run_id)
        assert sum(registry[m.STEP_SECONDS].histogram("ask", "completed").counts) == 1
        monkeypatch.setitem(ANSWER, "value", 2)
        with pytest.raises(DivergenceError):
            await engine.replay(run_id=result.run_id)
        assert value(registry, m.REPLAY_FAILURES) == 1
        assert value(registry, m.GOLDEN_MISMATCHES, "replay") == 1
        assert result.golden is not None
        result.golden.write_text(result.golden.read_text().replace('"seed":1', '"seed":3'))
        with pytest.raises(GoldenFileError):
            await engine.replay(run_id=result.run_id)
    assert value(registry, m.GOLDEN_MISMATCHES, "tampered") == 1
    assert value(registry, m.REPLAY_FAILURES) == 1


async def test_a_run_that_does_not_repeat_itself_is_a_replay_failure(registry: Registry) -> None:
    store = MemoryStore()
    calls: list[int] = []

    @workflow("fickle")
    async def fickle(ctx: Context) -> Any:
        calls.append(1)
        await ctx.step(ask if len(calls) == 1 else broken)
        await ctx.approve("go on")

    async with made(registry, store=store) as engine:
        waiting = await engine.run(fickle, seed=1)
        await engine.approve(waiting.run_id, "go on", by="test")
        with pytest.raises(DivergenceError):
            await engine.resume(waiting.run_id)
    assert value(registry, m.REPLAY_FAILURES) == 1
    assert value(registry, m.RUNS, "quarantined") == 1


class Failing(MemoryStore):
    """A store whose commits fail in one way."""

    error: Exception

    async def commit(self, commit: Commit) -> Committed:
        raise self.error


@pytest.mark.parametrize(
    ("error", "losses"),
    [(StoreUnavailableError("gone"), 0), (CheckpointVersionConflictError("moved on"), 1)],
)
async def test_a_checkpoint_that_cannot_be_saved(
    registry: Registry, error: Exception, losses: int
) -> None:
    store = Failing()
    store.error = error
    async with made(registry, store=store) as engine:
        with pytest.raises(type(error)):
            await engine.run("asks", seed=1)
    assert value(registry, m.SAVE_FAILURES, error.code) == 1  # type: ignore[attr-defined]
    assert value(registry, m.LEASE_LOSSES) == losses
    assert value(registry, m.EXECUTIONS, "asks", "lost") == 1
    assert sum(registry[m.SAVE_SECONDS].histogram().counts) == 0


async def test_lost_budget_stores_are_read_from_the_policy(registry: Registry) -> None:
    policy = PolicyEnforcer()
    policy.store_losses = 3
    async with made(registry, policy=policy) as engine:
        watch(registry, engine)
        registry.families()
    assert value(registry, m.STORE_LOSSES) == 3

"""The runbooks' procedures on runs, as they are written there, after app.workflow -> aos_workflow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.databases import fresh_database, server

from aos_workflow.checkpoint import CheckpointStore
from aos_workflow.checkpoint.records import RunStatus
from aos_workflow.engine import WorkflowEngine, WorkflowSpec
from aos_workflow.errors import CheckpointVersionConflictError, SeedMismatchError
from aos_workflow.golden import GoldenRecorder
from aos_workflow.skills import SkillRegistry, skill

SPEC = WorkflowSpec.model_validate(
    {
        "workflow_id": "remediate",
        "steps": [
            {"step_id": "read", "skill": "read_logs", "inputs": {"host": "db-1"}},
            {"step_id": "search", "skill": "web_search", "inputs": {"query": "${read}"}},
        ],
        "outputs": {"found": "${search}"},
    }
)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with server() as found, fresh_database(found) as url:
        yield url


@pytest.fixture
async def store(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CheckpointStore]:
    monkeypatch.setenv("DATABASE_URL", database)
    found = CheckpointStore()
    yield found
    await found.close()


class World:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.is_down = False

    def registry(self) -> SkillRegistry:
        @skill("read_logs")
        async def read_logs(host: str) -> str:
            self.calls.append("read_logs")
            return f"logs of {host}"

        @skill("web_search")
        async def web_search(query: str) -> list[str]:
            self.calls.append("web_search")
            if self.is_down:
                raise ConnectionError("search is down")
            return [query.upper()]

        return SkillRegistry(read_logs, web_search)


@pytest.fixture
def world() -> World:
    return World()


async def test_resume_from_the_last_checkpoint(
    store: CheckpointStore, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    registry, run_id, original_seed = world.registry(), "resume-1", 42
    world.is_down = True
    async with WorkflowEngine(registry, store) as first:
        failed = await first.run(spec=SPEC, run_id=run_id, seed=original_seed)
    assert failed.status is RunStatus.FAILED
    world.is_down = False

    async def resume_workflow(run_id: str) -> Any:
        checkpoint = await store.load(run_id)
        if not checkpoint:
            print(f"No checkpoint found for {run_id}")
            return None
        print(f"Resuming from step {checkpoint.next_step_index}")
        print(f"Previous outputs: {list(checkpoint.step_outputs.keys())}")
        engine = WorkflowEngine(registry, store)
        spec = await engine.load_spec(run_id)
        result = await engine.run(spec=spec, run_id=run_id, seed=original_seed)
        await engine.close()
        return result

    result = await resume_workflow(run_id)
    assert await resume_workflow("nope") is None
    assert result.ok
    assert world.calls == ["read_logs", "web_search", "web_search"]
    printed = capsys.readouterr().out
    assert "Resuming from step 2" in printed
    assert "Previous outputs: ['read']" in printed
    assert "No checkpoint found for nope" in printed
    with pytest.raises(SeedMismatchError):
        async with WorkflowEngine(registry, store) as engine:
            await engine.run(spec=SPEC, run_id=run_id, seed=7)


async def test_ten_iterations_of_a_failing_type(
    store: CheckpointStore, world: World, database: str
) -> None:
    engine = WorkflowEngine(world.registry(), workflows=[SPEC])
    hashes = set()
    for i in range(10):
        result = await engine.run(workflow_type="remediate", seed=12345 + i)
        hashes.add(result.workflow_hash)
    await engine.close()
    await engine.store.close()
    assert len(hashes) == 10


async def test_the_same_spec_and_seed_leave_the_same_last_result_hash(
    store: CheckpointStore, world: World
) -> None:
    async with WorkflowEngine(world.registry(), store) as engine:
        for run_id in ("same-1", "same-2"):
            await engine.run(SPEC, run_id=run_id, seed=1)
    heads = [await store.load(run_id) for run_id in ("same-1", "same-2")]
    assert heads[0] is not None
    assert heads[1] is not None
    assert heads[0].last_result_hash == heads[1].last_result_hash


async def test_a_manual_update_fences_the_worker_that_has_the_run(
    store: CheckpointStore, world: World, database: str
) -> None:
    registry = world.registry()
    begun, go_on = asyncio.Event(), asyncio.Event()

    @skill("slow")
    async def slow() -> int:
        begun.set()
        await go_on.wait()
        return 1

    registry.register(slow)
    spec = WorkflowSpec.model_validate(
        {"workflow_id": "held", "steps": [{"step_id": "a", "skill": "slow"}]}
    )
    engine = WorkflowEngine(registry, store)
    task = asyncio.create_task(engine.run(spec, run_id="held-1", seed=1))
    await begun.wait()
    head = await store.load("held-1")
    assert head is not None
    connection = await asyncpg.connect(database, server_settings={"search_path": "aos"})
    done = await connection.execute(
        "UPDATE workflow_checkpoints SET status = 'failed', updated_at = NOW(), version = version + 1 "
        f"WHERE run_id = 'held-1' AND version = {head.version}"
    )
    await connection.close()
    assert done == "UPDATE 1"
    go_on.set()
    with pytest.raises(CheckpointVersionConflictError):
        await task
    await engine.close()
    assert (await store.load("held-1")).status is RunStatus.FAILED  # type: ignore[union-attr]


async def test_a_skill_is_disabled_by_sql_from_the_next_step_on(
    store: CheckpointStore, world: World, database: str
) -> None:
    registry = world.registry()
    connection = await asyncpg.connect(database, server_settings={"search_path": "aos"})

    @skill("switch")
    async def switch() -> int:
        done = await connection.execute(
            "UPDATE skill_registry SET enabled = false, "
            "disabled_reason = 'Emergency disable due to incident INC-123' WHERE skill_id = 'web_search'"
        )
        assert done == "UPDATE 1"
        return 1

    registry.register(switch)
    spec = WorkflowSpec.model_validate(
        {
            "workflow_id": "switching",
            "steps": [
                {"step_id": "a", "skill": "switch"},
                {
                    "step_id": "b",
                    "skill": "web_search",
                    "inputs": {"query": "x"},
                    "depends_on": ["a"],
                },
            ],
        }
    )
    async with WorkflowEngine(registry, store) as engine:
        result = await engine.run(spec, seed=1)
    await connection.execute("UPDATE skill_registry SET enabled = true, disabled_reason = NULL")
    await connection.close()
    assert result.error_code == "SKILL_DISABLED"
    assert "INC-123" in (result.error_message or "")


async def test_local_replay_as_the_runbook_has_it(
    store: CheckpointStore, world: World, tmp_path: Path
) -> None:
    registry, recorder = world.registry(), GoldenRecorder(tmp_path, secret="test-secret")
    async with WorkflowEngine(registry, store, golden=recorder) as engine:
        original = await engine.run(SPEC, run_id="original", seed=42)
    assert original.golden is not None
    events = recorder.load_golden("original.steps.jsonl")
    run_start = events[0]
    assert run_start.data["spec_id"] == "remediate"
    assert run_start.data["budget_snapshot"]["workflow_ceiling_cents"] == 1000
    calls = list(world.calls)
    engine = WorkflowEngine(registry, store, golden=recorder)
    result = await engine.run(SPEC, run_id="replay-test", seed=run_start.data["seed"], replay=True)
    await engine.close()
    for event in events:
        if event.event_type == "step":
            replay_hash = result.step_results[event.data["index"]].content_hash()
            assert event.data.get("output_hash") == replay_hash
    assert world.calls == calls
    assert await store.load("replay-test") is None

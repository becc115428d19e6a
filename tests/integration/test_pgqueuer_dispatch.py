"""Dispatch through pgqueuer: a queued run wakes a worker; the store stays what decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.databases import fresh_database, server

from aos_workflow.checkpoint import CheckpointStore
from aos_workflow.checkpoint.postgres.connection import Database
from aos_workflow.checkpoint.postgres.pgqueuer_dispatch import (
    PgqueuerDispatcher,
    install,
    uninstall,
)
from aos_workflow.checkpoint.records import RunStatus
from aos_workflow.engine import Context, Worker, WorkflowEngine, workflow
from aos_workflow.engine.worker import WorkerSettings
from aos_workflow.errors import UsageError
from aos_workflow.skills import SkillRegistry, skill


@skill("double", side_effects="none")
def double(n: int) -> int:
    return 2 * n


@workflow("twice")
async def twice(ctx: Context, n: int) -> int:
    return int(await ctx.step(double, n))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server() as found, fresh_database(found) as address:
        yield address


def opened(url: str) -> Database:
    return Database(url, pool_size=2, statement_timeout_s=30, application_name="test")


@pytest.fixture
async def store(url: str) -> AsyncIterator[CheckpointStore]:
    found = CheckpointStore(url)
    await found.load("nothing")  # migrates
    database = opened(url)
    await database.alone(install)
    try:
        yield found
    finally:
        await database.alone(uninstall)
        for head in await found.list_runs(_all()):
            await found.delete(head.run_id, by="test")
        await found.close()
        await database.close()


def _all() -> object:
    from aos_workflow.checkpoint.records import RunFilter

    return RunFilter(limit=1000)


def engine(store: CheckpointStore) -> WorkflowEngine:
    return WorkflowEngine(SkillRegistry(double), store, workflows=[twice], policy=None)


async def jobs(url: str) -> int:
    async def count(connection: object) -> int:
        return int(await connection.fetchval("SELECT count(*) FROM aos.pgqueuer"))  # type: ignore[attr-defined]

    return await opened(url).alone(count)


async def test_a_queued_run_wakes_the_worker_at_once(store: CheckpointStore, url: str) -> None:
    asked = engine(store)
    dispatcher = PgqueuerDispatcher(store, opened(url), sweep_s=3600, wait_s=60)
    await dispatcher.start()
    worker = Worker(engine(store), dispatcher=dispatcher, settings=WorkerSettings(poll_s=60))
    await worker.engine.presence.ensure()
    assert await dispatcher.claim(worker.worker_id, 1) == ()  # the first sweep
    waiting = asyncio.ensure_future(dispatcher.claim(worker.worker_id, 5))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await asked.start("twice", inputs={"n": 4}, run_id="woken")
    async with asyncio.timeout(10):
        while not (heads := await waiting):
            waiting = asyncio.ensure_future(dispatcher.claim(worker.worker_id, 5))
    assert [head.run_id for head in heads] == ["woken"]
    assert await jobs(url) == 0
    result = await worker.engine.go_on(heads[0])
    assert result.status is RunStatus.COMPLETED
    await dispatcher.close()
    await worker.engine.close()
    await asked.close()


async def test_several_workers_run_every_run_once(store: CheckpointStore, url: str) -> None:
    asked = engine(store)
    for number in range(40):
        await asked.start("twice", inputs={"n": number}, run_id=f"r{number}")
    dispatchers = [
        PgqueuerDispatcher(store, opened(url), sweep_s=3600, wait_s=0.2) for _ in range(3)
    ]
    settings = WorkerSettings(concurrency=4, poll_s=0.05)
    workers = [Worker(engine(store), dispatcher=each, settings=settings) for each in dispatchers]
    running = [asyncio.ensure_future(worker.run()) for worker in workers]
    async with asyncio.timeout(60):
        while any(  # noqa: ASYNC110 - the database tells nobody
            not head.status.is_final for head in await store.list_runs(_all())
        ):
            await asyncio.sleep(0.05)
    for worker in workers:
        worker.stop()
    await asyncio.gather(*running)
    for dispatcher in dispatchers:
        await dispatcher.close()
    heads = await store.list_runs(_all())
    assert len(heads) == 40
    assert {head.status for head in heads} == {RunStatus.COMPLETED}
    assert await jobs(url) == 0
    await asked.close()


async def test_what_nobody_announced_is_found_by_the_sweep(
    store: CheckpointStore, url: str
) -> None:
    asked = engine(store)
    await opened(url).alone(uninstall)
    await asked.start("twice", inputs={"n": 1}, run_id="silent")
    await opened(url).alone(install)  # and those that wait are announced, too
    assert await jobs(url) == 1
    dispatcher = PgqueuerDispatcher(store, opened(url), wait_s=0.1)
    worker = engine(store)
    await worker.presence.ensure()
    heads = await dispatcher.claim(worker.presence.worker_id, 10)
    assert [head.run_id for head in heads] == ["silent"]
    await worker.go_on(heads[0])
    await dispatcher.close()
    await worker.close()
    await asked.close()


async def test_a_cut_connection_is_made_anew_and_nothing_is_missed(
    store: CheckpointStore, url: str
) -> None:
    asked = engine(store)
    dispatcher = PgqueuerDispatcher(store, opened(url), sweep_s=3600, wait_s=0.1)
    worker = engine(store)
    await worker.presence.ensure()
    await dispatcher.claim(worker.presence.worker_id, 1)
    await dispatcher.claim(worker.presence.worker_id, 1)

    async def cut(connection: object) -> None:
        await connection.execute(  # type: ignore[attr-defined]
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    await opened(url).alone(cut)
    await asked.start("twice", inputs={"n": 1}, run_id="after")
    async with asyncio.timeout(20):
        while not (heads := await dispatcher.claim(worker.presence.worker_id, 10)):
            pass
    assert [head.run_id for head in heads] == ["after"]
    await worker.go_on(heads[0])
    await dispatcher.close()
    await worker.close()
    await asked.close()


async def test_a_database_without_pgqueuer_says_what_to_type(
    store: CheckpointStore, url: str
) -> None:
    await opened(url).alone(uninstall)
    dispatcher = PgqueuerDispatcher(store, opened(url))
    with pytest.raises(UsageError, match="does not dispatch through pgqueuer") as caught:
        await dispatcher.start()
    await dispatcher.close()
    assert caught.value.hint == "aos-workflow db dispatch pgqueuer"
    await opened(url).alone(install)

"""The checkpoint stores: durable steps against a bare upsert of the same row; claims, reaping, latency, log volume."""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from aos_workflow.checkpoint import CheckpointStore, MemoryStore
from aos_workflow.checkpoint.records import (
    Commit,
    NewRun,
    StepRecord,
    StepStatus,
    WorkerRow,
)
from aos_workflow.stack import postgres
from bench.report import Figure, Report, Table

__all__ = ["run"]

BAR_UPSERT = 0.6
BAR_WAL_MB = 12.0
BAR_CLAIMS = 5000.0
BAR_REAP_S = 2.0
BAR_P99_MS = 200.0
BAR_MEMORY_STEPS = 10_000.0

_NUMBERS = itertools.count()
_COLUMNS = (
    "run_id, step_path, step_index, step_id, kind, status, skill_id, skill_version, input_hash, output_hash, "
    "output_json, step_hash, attempt, cost_cents, worker_id, started_at, completed_at"
)
_UPSERT = f"""
INSERT INTO bare ({_COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::float8::numeric, $15, to_timestamp($16),
        to_timestamp($17))
ON CONFLICT (run_id, step_path) DO UPDATE SET
    status = excluded.status, output_json = excluded.output_json, output_hash = excluded.output_hash
"""  # noqa: S608 - constants of this module


@dataclass(frozen=True)
class Size:
    """How much of each is done."""

    rounds: int
    steps: tuple[tuple[int, int], ...]
    """Concurrency, and the steps of each run."""
    queued: int
    orphans: int
    latency_s: float


FULL = Size(5, ((1, 600), (10, 300), (50, 150)), 100_000, 10_000, 5.0)
QUICK = Size(1, ((1, 20), (10, 5)), 400, 100, 0.2)


def run(*, quick: bool = False) -> Report:
    """Measure on a real PostgreSQL of its own, with its own durability settings: every commit is flushed."""
    report = Report("store", quick, "checkpoint stores")
    with postgres() as server:
        asyncio.run(_measure(report, server.url, QUICK if quick else FULL))
    report.notes.append(
        "The bare upsert is a prepared statement of one row with the same columns, each run with its own connection. "
        "Both flush every commit; how long that takes here decides the figures at concurrency 1."
    )
    return report


async def _measure(report: Report, url: str, size: Size) -> None:
    async with CheckpointStore(url) as store:
        connection = await asyncpg.connect(url)
        await connection.execute(
            "CREATE TABLE bare (LIKE aos.workflow_steps INCLUDING CONSTRAINTS INCLUDING INDEXES)"
        )
        await _throughput(report, url, store, size)
        await _log_volume(report, connection, store)
        await _claims(report, connection, store, size)
        await _reaping(report, connection, store, size)
        await _latency(report, store, size)
        await connection.close()
    await _memory(report, size)


async def _throughput(report: Report, url: str, store: CheckpointStore, size: Size) -> None:
    rows = []
    for concurrency, steps in size.steps:
        bare, ours, cpu = [], [], []
        for number in range(size.rounds):
            for name in ("bare", "ours") if number % 2 == 0 else ("ours", "bare"):
                if name == "bare":
                    bare.append(await _bare(url, concurrency, steps))
                else:
                    started = time.process_time()
                    ours.append(await _ours(store, concurrency, steps))
                    cpu.append((time.process_time() - started) / (concurrency * steps) * 1e6)
        ratio = statistics.median(o / b for o, b in zip(ours, bare, strict=True))
        report.figures.append(
            Figure(
                f"durable steps, concurrency {concurrency}, over a bare upsert",
                ratio,
                "x",
                BAR_UPSERT,
                "higher",
            )
        )
        rows.append(
            (
                str(concurrency),
                statistics.median(bare),
                statistics.median(ours),
                ratio,
                statistics.median(cpu),
            )
        )
    report.tables.append(
        Table(
            "steps committed to PostgreSQL, each durable before the next of its run",
            ("runs at a time", "bare upsert /s", "ours /s", "ratio", "ours, client CPU us a step"),
            tuple(rows),
        )
    )


async def _bare(url: str, concurrency: int, steps: int) -> float:
    connections = [await asyncpg.connect(url) for _ in range(concurrency)]
    prepared = [await connection.prepare(_UPSERT) for connection in connections]

    async def one(statement: Any) -> None:
        run_id = _run_id()
        for index in range(steps):
            step = _step(index)
            await statement.fetch(
                run_id,
                step.step_path,
                index,
                step.step_id,
                step.kind,
                step.status,
                step.skill_id,
                step.skill_version,
                step.input_hash,
                step.output_hash,
                (step.output_json or b"").decode(),
                step.step_hash,
                step.attempt,
                step.cost_cents,
                "w",
                step.started_at_s,
                step.completed_at_s,
            )

    taken_s = await _timed([one(statement) for statement in prepared])
    for connection in connections:
        await connection.close()
    return concurrency * steps / taken_s


async def _ours(store: CheckpointStore | MemoryStore, concurrency: int, steps: int) -> float:
    runs = [_run_id() for _ in range(concurrency)]
    for run_id in runs:
        await store.create(NewRun(run_id, "w", "hash", 1, owner="w"))
    taken_s = await _timed([_steps(store, run_id, steps) for run_id in runs])
    return concurrency * steps / taken_s


async def _steps(
    store: CheckpointStore | MemoryStore,
    run_id: str,
    steps: int,
    output: bytes = b'{"x":1}',
) -> list[float]:
    """Commit one step after the other; how long each took."""
    version, times = 0, []
    for index in range(steps):
        started = time.perf_counter()
        commit = Commit(run_id, "w", version, (_step(index, output),), result_hash="c" * 64)
        version = (await store.commit(commit)).version
        times.append(time.perf_counter() - started)
    return times


async def _log_volume(report: Report, connection: Any, store: CheckpointStore) -> None:
    steps = 200
    output = b'"' + os.urandom(10_000).hex().encode() + b'"'
    run_id = _run_id()
    await store.create(NewRun(run_id, "w", "hash", 1, owner="w"))
    await connection.execute("CHECKPOINT")
    before = await connection.fetchval("SELECT pg_current_wal_insert_lsn()::text")
    await _steps(store, run_id, steps, output)
    written = await connection.fetchval(
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::text::pg_lsn)::float8", before
    )
    report.figures.append(
        Figure("log written for 200 steps with 20 KB outputs", written / 1e6, "MB", BAR_WAL_MB)
    )


async def _claims(report: Report, connection: Any, store: CheckpointStore, size: Size) -> None:
    await _queue(connection, size.queued, "queued")
    claimed: list[str] = []

    async def worker(owner: str) -> None:
        while heads := await store.claim(owner, queues=("bench",), limit=20):
            claimed.extend(head.run_id for head in heads)

    taken_s = await _timed([worker(f"w{number}") for number in range(4)])
    if len(claimed) != size.queued:
        raise AssertionError(f"{len(claimed)} of {size.queued} runs were claimed")
    rate = len(claimed) / taken_s
    report.figures += [
        Figure(f"claims, {size.queued:,} queued runs", rate, "a second", BAR_CLAIMS, "higher"),
        Figure("runs claimed twice", len(claimed) - len(set(claimed)), "", 0, "exact"),
    ]


async def _reaping(report: Report, connection: Any, store: CheckpointStore, size: Size) -> None:
    await connection.execute("UPDATE aos.workflow_checkpoints SET status = 'completed'")
    await _queue(connection, size.orphans, "running")
    started = time.perf_counter()
    found = 0
    while reaped := await store.reap(limit=2000):
        found += len(reaped)
    taken_s = time.perf_counter() - started
    if found != size.orphans:
        raise AssertionError(f"{found} of {size.orphans} runs were queued again")
    report.figures.append(
        Figure(f"queueing {size.orphans:,} orphaned runs again", taken_s, "s", BAR_REAP_S)
    )


async def _latency(report: Report, store: CheckpointStore, size: Size) -> None:
    """Commits of one run, while two others commit as fast as they can."""
    end = time.perf_counter() + size.latency_s
    times: list[float] = []

    async def flat_out() -> None:
        while time.perf_counter() < end:
            await _ours(store, 1, 50)

    async def watched() -> None:
        run_id = _run_id()
        await store.create(NewRun(run_id, "w", "hash", 1, owner="w"))
        index = 0
        while time.perf_counter() < end:
            started = time.perf_counter()
            await store.commit(Commit(run_id, "w", index, (_step(index),)))
            times.append(time.perf_counter() - started)
            index += 1
            await asyncio.sleep(0.002)

    await asyncio.gather(flat_out(), flat_out(), watched())
    times.sort()
    report.figures.append(
        Figure(
            "99th percentile of a commit while two runs commit flat out",
            times[int(len(times) * 0.99)] * 1e3,
            "ms",
            BAR_P99_MS,
        )
    )


async def _memory(report: Report, size: Size) -> None:
    store = MemoryStore()
    await store.join(WorkerRow("w"))
    rates = [await _ours(store, 10, 50 if report.quick else 2000) for _ in range(size.rounds)]
    report.figures.append(
        Figure(
            "steps committed to memory",
            statistics.median(rates),
            "a second",
            BAR_MEMORY_STEPS,
            "higher",
        )
    )


async def _queue(connection: Any, count: int, status: str) -> None:
    await connection.execute(
        f"""
        INSERT INTO aos.workflow_runs (run_id, tenant_id, workflow_id, spec_hash, seed, input_json, mode)
            SELECT '{status}-' || i, 't', 'w', 'h', i, 'null', 'live' FROM generate_series(1, {count}) i;
        INSERT INTO aos.workflow_checkpoints (run_id, workflow_id, status, queue, lease_owner)
            SELECT '{status}-' || i, 'w', '{status}', 'bench', 'nobody' FROM generate_series(1, {count}) i;
        ANALYZE aos.workflow_checkpoints;
        ANALYZE aos.workflow_runs
        """  # noqa: S608 - constants of this module
    )


async def _timed(work: Sequence[Any]) -> float:
    started = time.perf_counter()
    await asyncio.gather(*work)
    return time.perf_counter() - started


def _run_id() -> str:
    return f"run-{next(_NUMBERS)}"


def _step(index: int, output: bytes = b'{"x":1}') -> StepRecord:
    return StepRecord(
        f"{index + 1}:s",
        index,
        "s",
        "skill",
        StepStatus.COMPLETED,
        "s",
        "1",
        "a" * 64,
        "b" * 64,
        output,
        "c" * 64,
        started_at_s=1_760_000_000.25,
        completed_at_s=1_760_000_000.5,
    )

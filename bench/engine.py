"""The engine: durable steps a second against a bare upsert and peers; recorded steps in memory; round trips."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import orjson

from aos_workflow.checkpoint import CheckpointStore, MemoryStore
from aos_workflow.engine import Context, WorkflowEngine, workflow
from aos_workflow.golden import GoldenRecorder, canonicalize
from aos_workflow.skills import SkillRegistry, skill
from aos_workflow.stack import postgres
from bench.measure import ROOT
from bench.report import Figure, Report, Table

__all__ = ["run"]

BAR_UPSERT = 0.6
BAR_DBOS = 15.0
BAR_MEMORY = 10_000.0
STEPS = 10
LEVELS = (1, 10, 50)

_UPSERT = (
    "INSERT INTO bare (k, v, o) VALUES ($1, $2, $3) "
    "ON CONFLICT (k) DO UPDATE SET v = excluded.v, o = excluded.o"
)


@skill("double", side_effects="none")
def double(n: int) -> dict[str, int]:
    return {"n": 2 * n}


@workflow("chain")
async def chain(ctx: Context) -> Any:
    found: Any = None
    for number in range(STEPS):
        found = await ctx.step(double, number)
    return found


@dataclass(frozen=True)
class Size:
    rounds: int
    runs: dict[int, int]
    """By concurrency: how many runs, all together."""
    memory_runs: int


def run(*, quick: bool = False) -> Report:
    """Measure everything in one run, the contenders in turn."""
    report = Report("engine", quick, f"runs of {STEPS} steps, one process, real PostgreSQL")
    size = Size(1, {1: 4, 10: 10, 50: 50}, 20) if quick else Size(3, {1: 60, 10: 200, 50: 400}, 400)
    with postgres() as server:
        url = server.url
        asyncio.run(_prepare(url))
        contenders: dict[str, Callable[[int, int], float]] = {
            "bare asyncpg upsert": lambda level, runs: asyncio.run(_bare(url, level, runs)),
            "aos-workflow": lambda level, runs: asyncio.run(_ours(url, level, runs)),
        }
        for name in ("dbos", "langgraph"):
            if not quick and importlib.util.find_spec(name):
                contenders[name] = lambda level, runs, name=name: _peer(name, url, level, runs)  # type: ignore[misc]
        rows = []
        for level in LEVELS:
            found: dict[str, list[float]] = {name: [] for name in contenders}
            for _ in range(size.rounds):
                for name, contender in contenders.items():
                    peers = name in ("dbos", "langgraph")
                    runs = max(level, size.runs[level] // 5) if peers else size.runs[level]
                    found[name].append(contender(level, runs))
            medians = {name: statistics.median(values) for name, values in found.items()}
            rows.append((level, *medians.values()))
            _compare(report, level, medians)
        report.tables.append(
            Table("durable steps a second", ("runs at once", *contenders), tuple(rows))
        )
        trips = asyncio.run(_round_trips(url))
        report.figures.append(Figure("round trips a step", trips, "statements", 1.0, "exact"))
    _memory(report, size)
    report.notes.append(
        "One worker process with one event loop: the client's CPU is the limit, for the engine and for the bare upsert."
    )
    return report


def _compare(report: Report, level: int, medians: dict[str, float]) -> None:
    ours = medians["aos-workflow"]
    name = f"at {level} {'run' if level == 1 else 'runs'} at once"
    ratio = ours / medians["bare asyncpg upsert"]
    report.figures.append(Figure(f"durable steps {name}", ours, "steps/s"))
    report.figures.append(Figure(f"of a bare upsert {name}", ratio, "x", BAR_UPSERT, "higher"))
    for peer in ("dbos", "langgraph"):
        if peer in medians:
            bar = BAR_DBOS if (peer, level) == ("dbos", 50) else None
            report.figures.append(
                Figure(f"of {peer} {name}", ours / medians[peer], "x", bar, "higher")
            )


async def _prepare(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE public.bare (k text PRIMARY KEY, v bigint, o json)")
    await connection.close()
    async with CheckpointStore(url):
        pass


async def _bare(url: str, level: int, runs: int) -> float:
    """The floor: one row written for each step, on as many connections as the store has."""
    pool = await asyncpg.create_pool(
        url, min_size=8, max_size=8, server_settings={"search_path": "public"}
    )
    queue = iter(range(runs))

    async def one(key: str) -> None:
        for _ in queue:
            for number in range(STEPS):
                async with pool.acquire() as connection:
                    await connection.fetch(_UPSERT, key, number, '{"n":2}')

    began = time.perf_counter()
    await asyncio.gather(*(one(f"k{number}") for number in range(level)))
    took = time.perf_counter() - began
    await pool.close()
    return runs * STEPS / took


async def _ours(url: str, level: int, runs: int) -> float:
    async with CheckpointStore(url) as store:
        engine = WorkflowEngine(SkillRegistry(double), store, workflows=[chain])
        await engine.run("chain", seed=0)
        queue = iter(range(runs))

        async def one() -> None:
            for number in queue:
                result = await engine.run("chain", seed=number)
                assert result.ok

        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(level)))
        took = time.perf_counter() - began
        await engine.close()
    return runs * STEPS / took


def _peer(name: str, url: str, level: int, runs: int) -> float:
    """A peer in a process of its own, with a database of its own."""
    asyncio.run(_database(url, name))
    address = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            f"bench.peers.{name}_steps",
            address,
            str(level),
            str(runs),
            str(STEPS),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return float(json.loads(done.stdout.splitlines()[-1])["steps_per_s"])


async def _database(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()


async def _round_trips(url: str) -> float:
    """Statements that the server saw between two looks, for each step of a long run."""
    counts = []
    for steps in (10, 110):

        @workflow(f"long{steps}")
        async def long(ctx: Context, steps: int = steps) -> None:
            for number in range(steps):
                await ctx.step(double, number)

        async with CheckpointStore(url) as store:
            engine = WorkflowEngine(SkillRegistry(double), store, policy=None)
            await engine.run(long, seed=0)
            before = await _commits(url)
            await engine.run(long, seed=1)
            counts.append(await _commits(url) - before)
            await engine.close()
    return round((counts[1] - counts[0]) / 100, 2)


async def _commits(url: str) -> int:
    """Transactions so far: each statement outside of a transaction is one."""
    connection = await asyncpg.connect(url)
    await asyncio.sleep(1.2)  # the server reports at most once a second
    count = await connection.fetchval(
        "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    )
    await connection.close()
    return int(count)


def _memory(report: Report, size: Size) -> None:
    """Without a database: recorded to disk, and against a bare loop that strips and hashes."""
    ours = statistics.median(asyncio.run(_recorded(size.memory_runs)) for _ in range(size.rounds))
    soon = statistics.median(
        asyncio.run(_recorded(size.memory_runs, durable=False)) for _ in range(size.rounds)
    )
    plain = statistics.median(
        asyncio.run(_recorded(size.memory_runs, golden=False)) for _ in range(size.rounds)
    )
    loop = statistics.median(_bare_loop(size.memory_runs) for _ in range(size.rounds))
    rows = [
        ("aos-workflow, recorded to disk", ours),
        ("aos-workflow, recorded, GoldenRecorder(durable=False)", soon),
        ("aos-workflow", plain),
        ("bare loop: strip, hash", loop),
    ]
    if importlib.util.find_spec("langgraph"):
        rows.append(("langgraph, memory saver", _langgraph_memory(size.memory_runs // 4 or 5)))
    report.tables.append(
        Table("steps a second of CPU time, in memory", ("contender", "steps/s"), tuple(rows))
    )
    report.figures.append(
        Figure("recorded steps in memory, of one core", ours, "steps/s", BAR_MEMORY, "higher")
    )
    report.figures.append(Figure("steps in memory, of one core", plain, "steps/s"))


async def _recorded(runs: int, *, golden: bool = True, durable: bool = True) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-engine-") as folder:
        secret = "not a secret, only long"
        recorder = GoldenRecorder(folder, secret=secret, durable=durable) if golden else None
        engine = WorkflowEngine(
            SkillRegistry(double), MemoryStore(), golden=recorder, workflows=[chain], policy=None
        )
        await engine.run("chain", seed=0)
        began = time.process_time()
        for number in range(runs):
            await engine.run("chain", seed=number)
        took = time.process_time() - began
        await engine.close()
    return runs * STEPS / took


def _bare_loop(runs: int) -> float:
    began = time.process_time()
    for _ in range(runs):
        for number in range(STEPS):
            hashlib.sha256(orjson.dumps({"n": number}, option=orjson.OPT_SORT_KEYS)).hexdigest()
            canonicalize(double.function(number))
    return runs * STEPS / (time.process_time() - began)


def _langgraph_memory(runs: int) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "bench.peers.langgraph_steps", "memory", "1", str(runs), str(STEPS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return float(json.loads(done.stdout.splitlines()[-1])["steps_per_s"])

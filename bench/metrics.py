"""What counting costs an engine: the same runs with and without a meter, in turn."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Callable

from aos_workflow.assembly.metering import registry_for
from aos_workflow.checkpoint import CheckpointStore, MemoryStore, Store
from aos_workflow.engine import WorkflowEngine
from aos_workflow.metrics import NO_METER, EngineMeter, Meter, exposition
from aos_workflow.skills import SkillRegistry
from aos_workflow.stack import postgres
from bench.engine import STEPS, chain, double
from bench.report import Figure, Report, Table

__all__ = ["run"]

BAR_PERCENT = 3.0
AT_ONCE = 50


def run(*, quick: bool = False) -> Report:
    """Measure in CPU time, in memory and on PostgreSQL."""
    report = Report("metrics", quick, f"runs of {STEPS} steps, with and without metrics")
    rows = []
    memory = _compared(lambda meter: _in_memory(meter, 30 if quick else 300), 3 if quick else 61)
    rows.append(("in memory", *memory))
    with postgres() as server:
        asyncio.run(_opened(server.url))
        durable = _compared(
            lambda meter: asyncio.run(_durable(server.url, meter, 50 if quick else 200)),
            2 if quick else 15,
        )
    rows.append((f"PostgreSQL, {AT_ONCE} at once", *durable))
    table = Table("CPU microseconds a step", ("store", "without", "with", "percent"), tuple(rows))
    report.tables.append(table)
    for name, _, _, percent in rows:
        report.figures.append(
            Figure(f"metrics of an engine, {name}", percent, "%", BAR_PERCENT, "lower")
        )
    report.figures.append(Figure("a reading of all metrics", _reading_ms(), "ms"))
    report.notes.append("The median of the ratios of neighbouring runs, the contenders in turn.")
    return report


def _compared(measure: Callable[[Meter], float], rounds: int) -> tuple[float, float, float]:
    """Microseconds without and with, and the difference in percent: neighbours are compared, for machines drift."""
    measure(NO_METER)
    plain, counted, ratios = [], [], []
    for number in range(rounds):
        order = (NO_METER, EngineMeter(registry_for("engine")))
        took = {}
        for meter in order if number % 2 else reversed(order):
            took[meter is NO_METER] = measure(meter)
        plain.append(took[True])
        counted.append(took[False])
        ratios.append(took[False] / took[True])
    percent = (statistics.median(ratios) - 1) * 100
    return statistics.median(plain), statistics.median(counted), round(percent, 2)


def _in_memory(meter: Meter, runs: int) -> float:
    return asyncio.run(_timed(MemoryStore(), meter, runs, at_once=1))


async def _opened(url: str) -> None:
    async with CheckpointStore(url):
        pass


async def _durable(url: str, meter: Meter, runs: int) -> float:
    async with CheckpointStore(url, migrates=False) as store:
        return await _timed(store, meter, runs, at_once=AT_ONCE)


async def _timed(store: Store, meter: Meter, runs: int, *, at_once: int) -> float:
    """CPU microseconds a step."""
    engine = WorkflowEngine(
        SkillRegistry(double),
        store,
        workflows=[chain],
        policy=None,
        emergency=None,
        meter=meter,
    )
    await engine.run("chain", seed=0)
    queue = iter(range(runs))

    async def one() -> None:
        for number in queue:
            await engine.run("chain", seed=number)

    gc.collect()
    began = time.process_time()
    await asyncio.gather(*(one() for _ in range(at_once)))
    took = time.process_time() - began
    await engine.close()
    return took / (runs * STEPS) * 1e6


def _reading_ms() -> float:
    """Of a registry with a hundred skills."""
    registry = registry_for("engine", "worker", "server")
    meter = EngineMeter(registry)
    for number in range(100):
        meter.step_tried(f"skill{number}", 0.0, None)
    began = time.perf_counter()
    for _ in range(20):
        exposition(registry)
    return (time.perf_counter() - began) / 20 * 1000

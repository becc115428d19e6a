"""Shadow simulation: cycles a second against bare runs that only strip and hash, virtual time, pairs of processes."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.engine import Context, WorkflowEngine, workflow
from aos_workflow.golden import VOLATILE_FIELDS
from aos_workflow.shadow.comparing import compare
from aos_workflow.shadow.cycle import plan, run_side
from aos_workflow.shadow.pair import Done, Pair
from aos_workflow.shadow.records import Campaign, Side, Verdict
from aos_workflow.shadow.scenarios import Programs
from aos_workflow.shadow.schedule import Batch
from aos_workflow.shadow.side import SideSetup
from aos_workflow.simulation import LoopClock, SimLoop
from aos_workflow.skills import SkillRegistry, skill
from bench.measure import alternate, timed
from bench.report import Figure, Report, Table

__all__ = ["run"]

BAR_BARE = 0.15
BAR_SCALING = 1.8
BAR_DAY_S = 60.0
STEPS = 10
DAY_S, EVERY_S = 86_400, 30


@skill("enrich", side_effects="none")
def enrich(number: int, text: str) -> dict[str, Any]:
    return {"number": number, "text": text * 2, "items": [number, number + 1], "ok": True}


@workflow("chain")
async def chain(ctx: Context, text: str) -> Any:
    found: Any = None
    for number in range(STEPS):
        found = await ctx.step(enrich, number=number, text=text)
    return found


@workflow("every_half_minute")
async def every_half_minute(ctx: Context, rounds: int) -> int:
    for number in range(rounds):
        await ctx.step(enrich, number=number, text="poll")
        await ctx.sleep(EVERY_S)
    return rounds


PROGRAMS = Programs.of(SkillRegistry(enrich), [chain])
CAMPAIGN = Campaign(1, faults="none")


def run(*, quick: bool = False) -> Report:
    """Measure everything in one run, the contenders in turn."""
    report = Report("shadow", quick, f"cycles of {STEPS}-step runs in memory, no faults")
    cycles, rounds = (20, 1) if quick else (300, 7)
    contenders: dict[str, Callable[[], float]] = {
        "two bare runs": lambda: cycles / timed(lambda: _bare(cycles)),
        "cycles": lambda: cycles / timed(lambda: _cycles(cycles)),
    }
    _cycles(10)
    found = {
        name: statistics.median(values)
        for name, values in alternate(contenders, rounds=rounds).items()
    }
    ours, bare = found["cycles"], found["two bare runs"]
    report.tables.append(Table("a second, on one core", ("what", "rate"), tuple(found.items())))
    report.figures += [
        Figure("cycles a second and core", ours, "cycles/s"),
        Figure("of two bare runs", ours / bare, "x", BAR_BARE, "higher"),
    ]
    _virtual_time(report, quick)
    _scaling(report, quick)
    report.notes.append(
        "A cycle is plan, run, shadow run, comparison and the events of both goldens. The bare run strips volatile "
        "fields and hashes sorted JSON after each step, and does nothing else."
    )
    return report


def _cycles(count: int) -> None:
    for number in range(count):
        cycle = plan(CAMPAIGN, number, PROGRAMS)
        primary = run_side(cycle, Side.PRIMARY, PROGRAMS)
        shadow = run_side(cycle, Side.SHADOW, PROGRAMS)
        assert compare(cycle, primary, shadow).verdict is Verdict.MATCH


def _bare(count: int) -> None:
    """All in one loop, which costs nothing that way."""

    async def every() -> None:
        for _ in range(count):
            assert await _bare_run() == await _bare_run()

    asyncio.run(every())


async def _bare_run() -> str:
    digest = hashlib.sha256()
    for number in range(STEPS):
        output = _strip(await _bare_step(number))
        digest.update(hashlib.sha256(json.dumps(output, sort_keys=True).encode()).digest())
    return digest.hexdigest()


async def _bare_step(number: int) -> dict[str, Any]:
    return dict(enrich.function(number, "alpha beta"))


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _strip(item) for k, item in value.items() if k not in VOLATILE_FIELDS}
    return [_strip(item) for item in value] if isinstance(value, list) else value


def _virtual_time(report: Report, quick: bool) -> None:
    """A day of a run that does something every half minute."""
    rounds = (DAY_S if not quick else 3600) // EVERY_S
    took = []
    for seed in range(1 if quick else 3):
        gc.collect()
        began = time.perf_counter()
        assert _day(seed, rounds) == rounds
        took.append(time.perf_counter() - began)
    report.figures.append(
        Figure("24 simulated hours", statistics.median(took), "s", BAR_DAY_S, "lower")
    )


def _day(seed: int, rounds: int) -> int:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        clock = LoopClock(loop)
        engine = WorkflowEngine(
            store=MemoryStore(clock=clock), policy=None, emergency=None, clock=clock
        )
        async with engine:
            result = await engine.run(every_half_minute, seed=seed, inputs={"rounds": rounds})
        assert loop.time() >= rounds * EVERY_S
        return int(result.output)

    with asyncio.Runner(loop_factory=lambda: SimLoop(seed)) as runner:
        return runner.run(main())


def _scaling(report: Report, quick: bool) -> None:
    """Pairs of processes on their own: one, and two at once."""
    size = 64 if quick else 256
    batches = 2 if quick else 6
    pairs = [Pair(SideSetup(CAMPAIGN, "bench.shadow:runner")) for _ in range(2)]
    try:
        for pair in pairs:
            pair.start(7)
            _batches(pair, 8, 1)
        rates: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(1 if quick else 3):
            for count in rates:
                began = time.perf_counter()
                with ThreadPoolExecutor(count) as pool:
                    list(pool.map(lambda pair: _batches(pair, size, batches), pairs[:count]))
                rates[count].append(count * size * batches / (time.perf_counter() - began))
    finally:
        for pair in pairs:
            pair.close()
    one, two = (statistics.median(rates[count]) for count in (1, 2))
    report.tables.append(
        Table("cycles a second, pairs of processes", ("pairs", "rate"), ((1, one), (2, two)))
    )
    report.figures += [
        Figure("cycles a second, two pairs", two, "cycles/s"),
        Figure("two pairs of one", two / one, "x", BAR_SCALING, "higher"),
    ]


def _batches(pair: Pair, size: int, count: int) -> None:
    for number in range(count):
        outcome = pair.run(Batch(number * size, (number + 1) * size, 7))
        assert isinstance(outcome, Done), outcome


def runner(campaign: Campaign) -> Any:
    """What the processes run."""
    from aos_workflow.shadow.cycle_runner import CycleRunner

    return CycleRunner(campaign, PROGRAMS)

"""A worker killed with -9 at every boundary of every step: exactly there, by its own hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from tests.crash import scenario
from tests.crash.processes import fork
from tests.crash.scenario import PHASES, Fuse, engine_of, order

from aos_workflow.checkpoint import CheckpointStore
from aos_workflow.engine import Worker

__all__ = ["every_point", "killed_at"]

_COMMITS = 12
"""More than a run has; a fuse that is never reached is the end of the tour."""


def every_point() -> Iterator[tuple[str, int]]:
    """Phase and number of each."""
    for phase in PHASES:
        for number in range(1, _COMMITS + 1):
            yield phase, number


def killed_at(url: str, run_id: str, number: int, seed: int, phase: str, count: int) -> int:
    """Start a run in a process that dies at this point, and go on in others until it ends; how many died."""
    asyncio.run(_queue(url, run_id, number, seed))
    died = 0
    for fuse in (Fuse(phase, count), Fuse(phase, count), Fuse()):
        child = fork(lambda fuse=fuse: _work(url, fuse))  # type: ignore[misc]
        if child.wait() == -9:
            died += 1
            asyncio.run(_reap(url))
    return died


async def _queue(url: str, run_id: str, number: int, seed: int) -> None:
    engine = engine_of(url)
    await engine.start(order, inputs={"number": number}, run_id=run_id, seed=seed)
    await engine.store.close()


async def _reap(url: str) -> None:
    """Every worker is dead, so there is nobody to wait for."""
    async with CheckpointStore(url) as store:
        await store.reap(silent_for_s=0)


def _work(url: str, fuse: Fuse) -> None:
    scenario.FUSE.phase, scenario.FUSE.left = fuse.phase, fuse.left
    scenario.Outside.url = url

    async def until_idle() -> None:
        engine = engine_of(url)
        await Worker(engine).run_until_idle()
        await engine.close()
        await engine.store.close()

    asyncio.run(until_idle())

"""The clock of a simulated engine."""

from __future__ import annotations

from datetime import datetime, timedelta

from aos_workflow.engine.lineage import current_scope
from aos_workflow.errors import UsageError
from aos_workflow.simulation import START, LoopClock

__all__ = ["PlaceClock"]

_STEP_S = 30
"""By how much ``ctx.now()`` goes on from one thing that a task does to the next."""


class PlaceClock:
    """The time of a loop for the engine; for ``ctx.now()`` a time that follows from the place in the program alone.

    What ``ctx.now()`` gives is journaled, so a run that is resumed or replayed is served it. The two sides of a cycle
    have no journal in common: they would see other times wherever one of them had a slow step or a crash, and every
    difference would be the simulation's own. So a place is given one time, later than those before it in its task.
    """

    def __init__(self, wall: LoopClock) -> None:
        self._wall = wall
        self.monotonic = wall.monotonic
        self._reads: dict[str, int] = {}

    def begin(self) -> None:
        """An execution begins: its program comes to its places again."""
        self._reads.clear()

    def now(self) -> datetime:
        try:
            place = current_scope().path
        except UsageError:
            return self._wall.now()  # the engine's own
        reads = self._reads[place] = self._reads.get(place, 0) + 1
        before = sum(map(int, place.replace("/", ".").split("."))) if place else 0
        return START + timedelta(seconds=_STEP_S * (before + reads))

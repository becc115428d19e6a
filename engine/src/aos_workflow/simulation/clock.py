"""The clock of a simulated loop."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

__all__ = ["START", "LoopClock"]

START = datetime(2026, 1, 1, tzinfo=UTC)
"""When simulations begin."""


class LoopClock:
    """A :class:`~aos_workflow.determinism.Clock` that tells the time of a loop.

    ``shift_s`` is by how much the clock on the wall is off; what was measured with ``monotonic`` does not see it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, start: datetime = START) -> None:
        self._loop = loop
        self._start = start
        self._known: tuple[float, datetime] = (0.0, start)
        self.shift_s = 0.0

    def now(self) -> datetime:
        at_s = self._loop.time() + self.shift_s
        if self._known[0] != at_s:  # asked for several times at one instant
            self._known = (at_s, self._start + timedelta(seconds=at_s))
        return self._known[1]

    def monotonic(self) -> float:
        return self._loop.time()

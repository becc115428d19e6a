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
        self.shift_s = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.time() + self.shift_s)

    def monotonic(self) -> float:
        return self._loop.time()

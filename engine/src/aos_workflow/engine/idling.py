"""When a run can only wait: for people, or for a time far off. Then it is given up, and the worker is free."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aos_workflow.engine.outcome import Outcome, Parked, Suspended

__all__ = ["Idling"]

_TICKS = 25
"""Turns of the loop without any activity after which nothing more is to be expected: what a workflow may do between two
steps (gather, queues, events) is a handful of turns."""
_MIXED_DELAY_S = 30.0
"""When people and a timer are waited for, and people may be first."""


class Idling:
    """Counts what is under way in one run, and what waits; calls ``give_up`` once everything waits."""

    def __init__(self, give_up: Callable[[Outcome], None]) -> None:
        self._give_up = give_up
        self._active = 0
        self._waits: dict[str, tuple[str, float | None]] = {}
        self._activity = 0

    def begin(self) -> None:
        """Something is under way, until :meth:`end`."""
        self._active += 1
        self._activity += 1

    def end(self) -> None:
        """Something is over that :meth:`begin` began."""
        self._active -= 1
        self._activity += 1
        if self._waits and not self._active:
            self._watch()

    @contextmanager
    def waiting(self, path: str, reason: str, delay_s: float | None = None) -> Iterator[None]:
        """Something that is under way (after :meth:`begin`) waits: ``delay_s`` long, or for people."""
        self._active -= 1
        self._waits[path] = (reason, delay_s)
        self._watch()
        try:
            yield
        finally:
            self._active += 1
            self._activity += 1
            del self._waits[path]

    def _watch(self) -> None:
        asyncio.get_running_loop().call_soon(self._look, self._activity, _TICKS)

    def _look(self, activity: int, ticks: int) -> None:
        """Whether nothing has happened since; looked at for some turns of the loop."""
        if self._active or not self._waits or activity != self._activity:
            return
        if ticks:
            asyncio.get_running_loop().call_soon(self._look, activity, ticks - 1)
        else:
            self._give_up(self._outcome())

    def _outcome(self) -> Outcome:
        waits = [self._waits[path] for path in sorted(self._waits)]
        delays = [delay for _, delay in waits if delay is not None]
        people = [reason for reason, delay in waits if delay is None]
        if not delays:
            return Suspended("; ".join(people))
        limit = _MIXED_DELAY_S if people else float("inf")
        return Parked("; ".join(reason for reason, _ in waits), min(*delays, limit))

"""What an event loop leaves open, decided by a seed."""

from __future__ import annotations

import random
from collections.abc import MutableSequence
from typing import Any

__all__ = ["Schedule"]


class Schedule:
    """The same decisions for the same seed, on every run, machine and Python.

    Each decision has a number, counted in ``decisions``. Those from ``since`` on and before ``until`` are drawn, all
    others are as asyncio makes them: first come, first served, and nothing takes longer than it must. Without a
    ``seed`` all are.
    """

    __slots__ = ("_draw", "_since", "_until", "decisions", "seed")

    def __init__(
        self, seed: int | None = None, *, since: int = 0, until: int | None = None
    ) -> None:
        self.seed = seed
        self.decisions = 0
        self._since = since
        self._until = until
        # Only random(): of the methods of Random, it alone is promised to stay as it is.
        self._draw = None if seed is None else random.Random(seed).random

    def shuffle(self, ready: MutableSequence[Any]) -> None:
        """Put what is ready at the same time into the order in which it goes on."""
        if self._draw is None:
            return
        if not self._is_drawn():
            return
        draw = self._draw
        for last in range(len(ready) - 1, 0, -1):
            other = int(draw() * (last + 1))
            ready[last], ready[other] = ready[other], ready[last]

    def delay_s(self, longest_s: float) -> float:
        """How long something takes that may take up to ``longest_s``."""
        if self._draw is None or not self._is_drawn():
            return 0.0
        return self._draw() * longest_s

    def tie(self) -> float:
        """Which of two timers of the same instant is first: the one with the lower number."""
        return 0.0 if self._draw is None or not self._is_drawn() else self._draw()

    def scramble(self, number: int) -> int:
        """A hash for the ``number``-th task, so that sets of tasks have the same order on every run of a seed."""
        return number if self.seed is None else (number * (2 * self.seed + 1)) & 0x7FFFFFFFFFFF

    def _is_drawn(self) -> bool:
        number = self.decisions
        self.decisions = number + 1
        return self._since <= number and (self._until is None or number < self._until)

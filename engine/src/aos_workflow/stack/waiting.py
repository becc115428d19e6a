"""Waiting for something outside of this process, with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Deadline", "wait_until"]


class Deadline:
    """A limit in seconds from now, shared by several waits."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._end = time.monotonic() + limit_s

    @property
    def left_s(self) -> float:
        """Seconds until the limit, at least 0."""
        return max(0.0, self._end - time.monotonic())

    @property
    def over(self) -> bool:
        return self.left_s == 0.0


def wait_until(
    condition: Callable[[], bool], limit: Deadline | float, *, interval_s: float = 0.01
) -> bool:
    """Ask ``condition`` again and again until it holds; ``False`` if the limit came first."""
    deadline = limit if isinstance(limit, Deadline) else Deadline(limit)
    while not condition():
        if deadline.over:
            return False
        time.sleep(min(interval_s, deadline.left_s))
    return True

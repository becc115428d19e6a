"""Delta debugging: the fewest things of a list for which something still holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["ddmin", "smallest"]

T = TypeVar("T")


def ddmin(items: Sequence[T], holds: Callable[[list[T]], bool]) -> list[T]:
    """A part of the items for which it holds, and without any one of which it does not.

    It must hold for all of them. After Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input".
    """
    kept = list(items)
    if kept and holds([]):
        return []
    parts = 2
    while len(kept) > 1:
        size = -(-len(kept) // parts)
        chunks = [kept[start : start + size] for start in range(0, len(kept), size)]
        fewer = _fewer(chunks, holds)
        if fewer is not None:
            kept, parts = fewer, max(2, parts - 1)
        elif parts >= len(kept):
            break
        else:
            parts = min(len(kept), 2 * parts)
    return kept


def _fewer(chunks: list[list[T]], holds: Callable[[list[T]], bool]) -> list[T] | None:
    """One chunk alone, or all without one."""
    for chunk in chunks:
        if holds(chunk):
            return chunk
    for left_out in range(len(chunks) if len(chunks) > 2 else 0):
        rest = [item for number, chunk in enumerate(chunks) if number != left_out for item in chunk]
        if holds(rest):
            return rest
    return None


def smallest(limit: int, holds: Callable[[int], bool]) -> int | None:
    """The smallest number up to ``limit`` for which it holds, if it does from there on; ``None`` if for none."""
    high = 1
    while not holds(high):
        if high >= limit:
            return None
        high = min(limit, high * 2)
    low = high // 2
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high

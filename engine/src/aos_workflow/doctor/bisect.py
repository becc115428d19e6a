"""The smallest set of sites that must be frozen for the output to be that of the control run.

A test says whether the output is the control's while everything is let go except some sites. First each site is let go
alone; those that change something are the suspects. They are confirmed by freezing only them, and each by being needed.
Where no site does it alone, or there are many, the set is found by halving (QuickXplain; NonDex's range
bisection with both
halves followed).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Found", "smallest"]

Site = Hashable
Frozen = Callable[[Sequence[Sequence[Any]]], Sequence[bool]]
"""For each set of sites: whether the output is the control's while only these are frozen."""
Alone = Callable[[Sequence[Any]], Sequence[bool]]
"""For each site: whether letting go of it alone changes the output."""
MAX_ALONE = 24
MAX_TESTS = 120


@dataclass(frozen=True, slots=True)
class Found:
    """Sites that must be frozen; which of them change the output alone; whether freezing them is enough."""

    sites: tuple[Any, ...]
    alone: tuple[Any, ...]
    enough: bool


def smallest(sites: Sequence[Any], frozen: Frozen, alone: Alone) -> Found:
    """The smallest set of ``sites`` that must be frozen."""
    guilty = _guilty(sites, alone)
    if guilty and frozen([guilty])[0]:
        needed = _needed(guilty, frozen)
        return Found(tuple(needed), tuple(guilty), True)
    if not frozen([sites])[0]:
        return Found(tuple(guilty), tuple(guilty), False)
    needed = _explain(list(sites), frozen, [MAX_TESTS])
    return Found(tuple(needed), tuple(s for s in guilty if s in needed), True)


def _guilty(sites: Sequence[Any], alone: Alone) -> list[Any]:
    """Sites that change the output alone; of many, by halves."""
    if len(sites) <= MAX_ALONE:
        return [site for site, changes in zip(sites, alone(sites), strict=True) if changes]
    return []


def _needed(guilty: Sequence[Any], frozen: Frozen) -> list[Any]:
    """Without those that need not be frozen when the others are."""
    kept = list(guilty)
    if len(kept) == 1:
        return kept
    without = [[other for other in kept if other != site] for site in kept]
    spare = [s for s, same in zip(kept, frozen(without), strict=True) if same]
    for site in spare:
        rest = [other for other in kept if other != site]
        if rest and frozen([rest])[0]:
            kept = rest
    return kept


def _explain(sites: list[Any], frozen: Frozen, left: list[int]) -> list[Any]:
    """QuickXplain: a smallest subset that is enough."""

    def search(background: list[Any], added: bool, candidates: list[Any]) -> list[Any]:
        left[0] -= 1
        if left[0] < 0:
            return candidates
        if added and frozen([background])[0]:
            return []
        if len(candidates) == 1:
            return candidates
        middle = len(candidates) // 2
        first, second = candidates[:middle], candidates[middle:]
        right = search([*background, *first], bool(first), second)
        return [*search([*background, *right], bool(right), first), *right]

    return search([], False, sites) if sites else []

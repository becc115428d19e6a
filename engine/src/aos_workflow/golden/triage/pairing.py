"""Which units of two runs belong together: by what they are, not by where they stand.

In this order: the same identity with the same content; the same content in the same order under another identity, where
steps came or went before; the same content in another order; the same identity with other content; the same skill with
the same input; the same skill in the same gap.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from aos_workflow.golden.align import align
from aos_workflow.golden.diff import exact_key
from aos_workflow.golden.triage.units import Unit

__all__ = ["Pair", "Status", "pair"]

Status = Literal["same", "changed", "missing", "added"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two units that belong together, or one that has no partner. ``moved``: it stands elsewhere among the others."""

    left: Unit | None
    right: Unit | None
    moved: bool = False

    @property
    def status(self) -> Status:
        """``same`` if not even a rule needs to be asked."""
        if self.left is None:
            return "added"
        if self.right is None:
            return "missing"
        return "same" if self.left.key == self.right.key else "changed"

    @property
    def unit(self) -> Unit:
        """The expected unit, or the one that was added."""
        found = self.left or self.right
        assert found is not None
        return found


Places = list[int]
Partners = dict[int, int]
_END = (sys.maxsize, sys.maxsize)


def pair(left: Sequence[Unit], right: Sequence[Unit]) -> list[Pair]:
    """Every unit of both, paired, in the order of ``left``; added ones stand where they are in ``right``."""
    partner: Partners = {}
    moved: set[int] = set()
    _exact(left, right, partner)
    for mine, theirs in _groups(left, right, partner):
        _group(left, right, mine, theirs, partner, moved)
    moved |= _out_of_order(partner, moved)
    return list(_merged(left, right, partner, moved))


def _exact(left: Sequence[Unit], right: Sequence[Unit], partner: Partners) -> None:
    at = {(unit.kind, unit.identity): place for place, unit in enumerate(right)}
    for place, unit in enumerate(left):
        other = at.get((unit.kind, unit.identity))
        if other is not None and right[other].key == unit.key:
            partner[place] = other


def _groups(
    left: Sequence[Unit], right: Sequence[Unit], partner: Partners
) -> Iterator[tuple[Places, Places]]:
    """What is left, by kind and skill."""
    groups: dict[tuple[str, str | None], tuple[Places, Places]] = defaultdict(lambda: ([], []))
    for place, unit in enumerate(left):
        if place not in partner:
            groups[unit.kind, unit.skill][0].append(place)
    taken = set(partner.values())
    for place, unit in enumerate(right):
        if place not in taken:
            groups[unit.kind, unit.skill][1].append(place)
    return (group for group in groups.values() if group[0] and group[1])


def _group(
    left: Sequence[Unit],
    right: Sequence[Unit],
    mine: Places,
    theirs: Places,
    partner: Partners,
    moved: set[int],
) -> None:
    keys, others = [left[i].key for i in mine], [right[j].key for j in theirs]
    identities = Counter(left[i].identity for i in mine)
    if len(mine) > 1 and Counter(keys) == Counter(others):
        in_order = [(mine[i], theirs[j]) for i, j in align(keys, others)]
        partner.update(in_order)
        elsewhere = _by(lambda unit: unit.key, left, right, *_without(mine, theirs, in_order))
        partner.update(elsewhere)
        moved.update(i for i, _ in elsewhere)
        return
    if identities != Counter(right[j].identity for j in theirs):
        partner.update((mine[i], theirs[j]) for i, j in align(keys, others))
    for same in (lambda unit: unit.identity, _asked, lambda unit: unit.kind):
        for some, rest in list(_gaps(mine, theirs, partner)):
            partner.update(_by(same, left, right, some, rest))


def _asked(unit: Unit) -> Hashable:
    """What a step was given; ``None`` if it does not say."""
    data = unit.data
    given = data.get("input", data.get("inputs")) if isinstance(data, dict) else None
    return None if given is None else exact_key(given)


def _by(
    key: Callable[[Unit], Hashable],
    left: Sequence[Unit],
    right: Sequence[Unit],
    mine: Places,
    theirs: Places,
) -> list[tuple[int, int]]:
    """The first with the first, of those whose keys are equal and not ``None``."""
    waiting: dict[Hashable, deque[int]] = defaultdict(deque)
    for j in theirs:
        waiting[key(right[j])].append(j)
    found = []
    for i in mine:
        wanted = key(left[i])
        if wanted is not None and (queue := waiting.get(wanted)):
            found.append((i, queue.popleft()))
    return found


def _without(
    mine: Places, theirs: Places, found: Sequence[tuple[int, int]]
) -> tuple[Places, Places]:
    done, others = {i for i, _ in found}, {j for _, j in found}
    return [i for i in mine if i not in done], [j for j in theirs if j not in others]


def _gaps(mine: Places, theirs: Places, partner: Partners) -> Iterator[tuple[Places, Places]]:
    """What stands between the pairs of this group that were found; both lists are ascending."""
    taken = {partner[i] for i in mine if i in partner}
    i = j = -1
    for next_i, next_j in (*((i, partner[i]) for i in mine if i in partner), _END):
        some = mine[bisect_right(mine, i) : bisect_left(mine, next_i)]
        rest = theirs[bisect_right(theirs, j) : bisect_left(theirs, next_j)]
        some, rest = [m for m in some if m not in partner], [n for n in rest if n not in taken]
        if some and rest:
            yield some, rest
        i, j = next_i, next_j


def _out_of_order(partner: Partners, moved: set[int]) -> set[int]:
    """The fewest places of ``left`` whose partners break the order of the others."""
    places = [i for i in sorted(partner) if i not in moved]
    targets = [partner[i] for i in places]
    kept = {i for i, _ in align(targets, sorted(targets))}
    return {place for at, place in enumerate(places) if at not in kept}


def _merged(
    left: Sequence[Unit], right: Sequence[Unit], partner: Partners, moved: set[int]
) -> Iterator[Pair]:
    added = deque(sorted(set(range(len(right))) - set(partner.values())))
    for i, unit in enumerate(left):
        j = partner.get(i)
        while j is not None and i not in moved and added and added[0] < j:
            yield Pair(None, right[added.popleft()])
        yield Pair(unit, None if j is None else right[j], i in moved)
    for j in added:
        yield Pair(None, right[j])

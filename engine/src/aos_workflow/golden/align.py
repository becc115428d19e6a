"""Which elements of two lists belong together, in time linear in the lists or nearly so.

Two questions, in this order. *Which elements are the same?* :func:`align` answers by exact keys:
common ends, a short edit script (Myers 1986), else anchors that occur once on both sides
(patience), else bounded edit scripts one after another. *Which others are one element that
changed?* :func:`match` answers: the same identity field, a similar shape, the same position.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Hashable, Iterator, Sequence
from itertools import compress, count, islice
from operator import eq, itemgetter, ne
from typing import NamedTuple

__all__ = ["IDENTITY_FIELDS", "Matching", "align", "match"]

IDENTITY_FIELDS = ("id", "step_id", "event_id", "run_id", "key", "uuid", "name", "path")
"""Fields whose equal value says that two objects are one; on a tie the earlier field decides."""

MAX_EDITS = 64
"""Length of one edit script; its cost is the square."""
MAX_PROBES = 400_000
"""Points that all edit scripts of one alignment visit, about 0.3 s; what is left, by position."""
MAX_SPLITS = 8
"""Rounds of anchors between anchors."""
MAX_TABLE = 400
"""Pairs of elements of one gap that are compared by shape."""
MAX_FEATURES = 64
"""Fields or words that the shape of an element takes into account."""
SIMILAR = 0.3
"""Share of equal fields from which two elements count as one that changed."""
MOVE_BYTES = 8
"""Two shorter texts that are equal are a coincidence, not a move."""
CHUNK = 256
"""Elements compared as one slice."""

Pairs = list[tuple[int, int]]
Steps = list[tuple[int | None, int | None]]


class Matching(NamedTuple):
    """How two lists differ.

    ``steps`` in list order: ``(i, j)`` an element that changed, ``(i, None)`` a removed one,
    ``(None, j)`` an added one. ``reordered``: elements that both lists have stand in another order.
    """

    steps: Steps
    reordered: bool


class Item(NamedTuple):
    """An element that is not the same on the other side."""

    at: int
    value: object
    key: bytes


Items = list[Item]
Gap = tuple[Items, Items]


def match(
    expected: Sequence[object],
    got: Sequence[object],
    expected_keys: Sequence[bytes],
    got_keys: Sequence[bytes],
) -> Matching:
    """How the lists differ. Elements are the same if and only if their keys are equal."""
    head, tail = _common_ends(expected_keys, got_keys)
    left, right = expected_keys[head : len(expected) - tail], got_keys[head : len(got) - tail]
    if len(left) == len(right) and Counter(left) == Counter(right):
        return Matching([], reordered=bool(left))
    gaps = [
        (
            [Item(i, expected[i], expected_keys[i]) for i in range(head + a.start, head + a.stop)],
            [Item(j, got[j], got_keys[j]) for j in range(head + b.start, head + b.stop)],
        )
        for a, b in _gaps(_same(left, right), len(left), len(right))
    ]
    moved = _moved(gaps, left, right)
    gaps = _without(gaps, moved)
    anchors, crossing = _by_identity(gaps)
    gaps = _without(gaps, crossing)
    steps: Steps = []
    crossed = deque(sorted(crossing.items()))
    for (lefts, rights), fixed in zip(gaps, anchors, strict=True):
        for some, others, anchor in _between(lefts, rights, fixed):
            for i, j in (*_likely(some, others), *anchor):
                while crossed and i is not None and crossed[0][0] < i:
                    steps.append(crossed.popleft())
                if i is None or j is None or expected_keys[i] != got_keys[j]:
                    steps.append((i, j))
    return Matching([*steps, *crossed], reordered=bool(moved or crossing))


def align(expected: Sequence[Hashable], got: Sequence[Hashable]) -> Pairs:
    """Index pairs of equal elements, ascending on both sides; the most there are if few differ."""
    head, tail = _common_ends(expected, got)
    stop, right_stop = len(expected) - tail, len(got) - tail
    numbers: dict[Hashable, int] = {}
    left = [numbers.setdefault(key, len(numbers)) for key in expected[head:stop]]
    right = [numbers.setdefault(key, len(numbers)) for key in got[head:right_stop]]
    pairs = [(i, i) for i in range(head)]
    pairs += ((head + i, head + j) for i, j in _middle(left, right))
    pairs += zip(range(stop, len(expected)), range(right_stop, len(got)), strict=True)
    return pairs


def _middle(left: list[int], right: list[int]) -> Pairs:
    script, reached, right_reached = _Search(left, right).script(0, len(left), 0, len(right))
    if reached == len(left) and right_reached == len(right):
        return sorted(script)
    both = set(left).intersection(right)
    left_at = [i for i, number in enumerate(left) if number in both]
    right_at = [j for j, number in enumerate(right) if number in both]
    search = _Search([left[i] for i in left_at], [right[j] for j in right_at])
    return [(left_at[i], right_at[j]) for i, j in sorted(search.pairs())]


def _common_ends(left: Sequence[Hashable], right: Sequence[Hashable]) -> tuple[int, int]:
    """How many elements are equal from the front, and of the rest from the back."""
    shorter = min(len(left), len(right))
    head = next(compress(count(), map(ne, left, right)), shorter)
    tail = next(compress(count(), map(ne, reversed(left), reversed(right))), shorter)
    return head, min(tail, shorter - head)


def _gaps(pairs: Pairs, left: int, right: int) -> Iterator[tuple[range, range]]:
    """The index ranges between the pairs, in two lists of these lengths."""
    i = j = 0
    for next_i, next_j in (*pairs, (left, right)):
        if i < next_i or j < next_j:
            yield range(i, next_i), range(j, next_j)
        i, j = next_i + 1, next_j + 1


def _same(left: Sequence[Hashable], right: Sequence[Hashable]) -> Pairs:
    """The alignment, or positions from the front or the back if that makes fewer differences."""
    if not left or not right:
        return []
    candidates = [align(left, right)]
    for shift in (0, len(right) - len(left)):
        i, j = max(0, -shift), max(0, shift)
        same = map(eq, islice(left, i, None), islice(right, j, None))
        candidates.append([(i + k, j + k) for k in compress(count(), same)])

    def differences(pairs: Pairs) -> int:
        sizes = ((len(a), len(b)) for a, b in _gaps(pairs, len(left), len(right)))
        return sum(a if a == b else a + b for a, b in sizes)

    return min(candidates, key=differences)


class _Search:
    """Edit scripts between two lists of numbers, sharing one budget of probes."""

    def __init__(self, left: list[int], right: list[int]) -> None:
        self.left, self.right = left, right
        self.probes = MAX_PROBES

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Index pairs of equal numbers that never cross, in no particular order."""
        todo = [(0, len(self.left), 0, len(self.right), 0)]
        while todo:
            i, stop, j, right_stop, level = todo.pop()
            if i == stop or j == right_stop:
                continue
            if self.probes <= 0:
                same = map(eq, islice(self.left, i, stop), islice(self.right, j, right_stop))
                yield from ((i + k, j + k) for k in compress(count(), same))
                continue
            script, reached, right_reached = self.script(i, stop, j, right_stop)
            done = reached == stop and right_reached == right_stop
            anchors = [] if done or level == MAX_SPLITS else self._anchors(i, stop, j, right_stop)
            if not anchors:
                yield from script
                todo.append((reached, stop, right_reached, right_stop, MAX_SPLITS))
                continue
            for anchor, right_anchor in (*anchors, (stop, right_stop)):
                todo.append((i, anchor, j, right_anchor, level + 1))
                i, j = anchor + 1, right_anchor + 1
            yield from anchors

    def _anchors(self, i: int, stop: int, j: int, right_stop: int) -> Pairs:
        """Numbers that occur once on either side: the longest chain of pairs that do not cross."""
        once = _once(self.left[i:stop])
        right_once = _once(self.right[j:right_stop])
        both = [(at, right_once[n]) for n, at in once.items() if n in right_once]
        return [(i + a, j + b) for a, b in _ascending(both)]

    def script(self, i: int, stop: int, j: int, right_stop: int) -> tuple[Pairs, int, int]:
        """The pairs of a shortest edit script, and how far MAX_EDITS edits came on either side.

        E. W. Myers, "An O(ND) difference algorithm and its variations", Algorithmica 1 (1986).
        """
        n, m = stop - i, right_stop - j
        furthest = {1: 0}
        history: list[dict[int, int]] = []
        x = y = rounds = 0
        for edits in range(MAX_EDITS + 1):
            history.append(furthest.copy())
            best = -1
            for k in range(-edits, edits + 1, 2):
                at = furthest[k + 1] if _down(furthest, k, edits) else furthest[k - 1] + 1
                if at <= n and 0 <= at - k <= m:
                    at += self._snake(i + at, stop, j + at - k, right_stop)
                    if 2 * at - k > best:
                        best, x, y, rounds = 2 * at - k, at, at - k, edits
                furthest[k] = at
            if best == n + m:
                break
        reached = i + x, j + y
        pairs: Pairs = []
        for edits in range(rounds, -1, -1):
            before, k = history[edits], x - y
            down = _down(before, k, edits)
            came = before[k + 1] if down else before[k - 1]
            start = came if down else came + 1
            pairs += ((i + at, j + at - k) for at in range(start, x))
            x, y = came, came - (k + 1 if down else k - 1)
        return pairs, *reached

    def _snake(self, i: int, stop: int, j: int, right_stop: int) -> int:
        """How many numbers are equal from here on; long stretches are compared as slices."""
        left, right = self.left, self.right
        limit = min(stop - i, right_stop - j)
        n = 0
        while n < limit and left[i + n] == right[j + n]:
            n += 1
            while (
                n % 16 == 0
                and n + CHUNK <= limit
                and left[i + n : i + n + CHUNK] == right[j + n : j + n + CHUNK]
            ):
                n += CHUNK
        self.probes -= 1 + n // 64
        return n


def _down(furthest: dict[int, int], k: int, edits: int) -> bool:
    """Whether the furthest path on diagonal ``k`` comes from the one above, by an added element."""
    return k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])


def _once(numbers: list[int]) -> dict[int, int]:
    """Numbers that occur once, with their index."""
    counted = Counter(numbers)
    return {number: at for at, number in enumerate(numbers) if counted[number] == 1}


def _ascending(pairs: Pairs) -> Pairs:
    """The longest chain of pairs, given in order of their first, that ascends in the second too."""
    ends: list[int] = []
    chain: list[int] = []
    before: list[int] = []
    for at, (_, second) in enumerate(pairs):
        length = bisect_left(ends, second)
        before.append(chain[length - 1] if length else -1)
        ends[length : length + 1] = [second]
        chain[length : length + 1] = [at]
    kept: Pairs = []
    at = chain[-1] if chain else -1
    while at >= 0:
        kept.append(pairs[at])
        at = before[at]
    return kept[::-1]


def _moved(gaps: list[Gap], left: Sequence[bytes], right: Sequence[bytes]) -> dict[int, int]:
    """Elements that stand elsewhere unchanged, of those that occur once in either part.

    A number or a short text found elsewhere is a coincidence, unless most others are too.
    """
    lefts = {item.key: item for gap in gaps for item in gap[0]}
    rights = {item.key: item for gap in gaps for item in gap[1]}
    both = [key for key in lefts if key in rights]
    if not both:
        return {}
    counted, right_counted = Counter(left), Counter(right)
    both = [key for key in both if counted[key] == right_counted[key] == 1]
    if 2 * len(both) <= max(len(lefts), len(rights)):
        telling = (str, dict, list)
        both = [k for k in both if len(k) >= MOVE_BYTES and isinstance(lefts[k].value, telling)]
    return {lefts[key].at: rights[key].at for key in both}


def _without(gaps: list[Gap], pairs: dict[int, int]) -> list[Gap]:
    if not pairs:
        return gaps
    others = set(pairs.values())
    return [
        ([i for i in lefts if i.at not in pairs], [j for j in rights if j.at not in others])
        for lefts, rights in gaps
    ]


def _by_identity(gaps: list[Gap]) -> tuple[list[Pairs], dict[int, int]]:
    """Objects with the same identity: per gap those in order, and all that crossed others."""
    best: dict[int, int] = {}
    lefts = [item for gap in gaps for item in gap[0] if isinstance(item.value, dict)]
    rights = [item for gap in gaps for item in gap[1] if isinstance(item.value, dict)]
    for field in IDENTITY_FIELDS if lefts and rights else ():
        left, right = _holders(lefts, field), _holders(rights, field)
        found = {at: right[identity] for identity, at in left.items() if identity in right}
        best = found if len(found) > len(best) else best
    if not best:
        return [[] for _ in gaps], {}
    anchors: list[Pairs] = []
    for here, there in gaps:
        inside = {item.at for item in there}
        anchors.append(_ascending([(i.at, best[i.at]) for i in here if best.get(i.at) in inside]))
    fixed = {i for pairs in anchors for i, _ in pairs}
    return anchors, {i: j for i, j in best.items() if i not in fixed}


def _holders(items: Items, field: str) -> dict[str | int, int]:
    """Which element holds which value in this field; values that several hold are left out."""
    holders: dict[str | int, int] = {}
    for item in items:
        value = item.value.get(field) if isinstance(item.value, dict) else None
        if isinstance(value, str | int) and not isinstance(value, bool):
            holders[value] = -1 if value in holders else item.at
    return {value: at for value, at in holders.items() if at >= 0}


def _likely(lefts: Items, rights: Items) -> Steps:
    """What became of the elements of one gap: changed, removed, added."""
    anchors: Pairs = []
    if len(lefts) + len(rights) > 2 and len(lefts) * len(rights) <= MAX_TABLE:
        anchors = _similar(lefts, rights)
    elif len(lefts) != len(rights):
        anchors = _same_outline(lefts, rights)
    steps: Steps = []
    for some, others, anchor in _between(lefts, rights, anchors):
        if len(some) == len(others):
            steps += ((i.at, j.at) for i, j in zip(some, others, strict=True))
        else:
            steps += ((i.at, None) for i in some)
            steps += ((None, j.at) for j in others)
        steps += anchor
    return steps


def _similar(lefts: Items, rights: Items) -> Pairs:
    """The pairs that do not cross and are most similar in total; on a tie the first ones."""
    score = [[_similarity(i.value, j.value) for j in rights] for i in lefts]
    total = [[0.0] * (len(rights) + 1) for _ in range(len(lefts) + 1)]
    for a in range(len(lefts) - 1, -1, -1):
        for b in range(len(rights) - 1, -1, -1):
            paired = total[a + 1][b + 1] + score[a][b] if score[a][b] >= SIMILAR else 0.0
            total[a][b] = max(paired, total[a + 1][b], total[a][b + 1])
    pairs: Pairs = []
    a = b = 0
    while a < len(lefts) and b < len(rights):
        if score[a][b] >= SIMILAR and total[a][b] == total[a + 1][b + 1] + score[a][b]:
            pairs.append((lefts[a].at, rights[b].at))
            a, b = a + 1, b + 1
        elif total[a][b] == total[a + 1][b]:
            a += 1
        else:
            b += 1
    return pairs


def _similarity(left: object, right: object) -> float:
    """From 0 to 1: the share of fields, items or words that are equal."""
    equal: float
    if isinstance(left, dict) and isinstance(right, dict):
        shared = [key for key in islice(left, MAX_FEATURES) if key in right]
        same = sum(1 for key in shared if left[key] == right[key])
        equal = same + 0.2 * (len(shared) - same)
        size = min(len(left), MAX_FEATURES) + min(len(right), MAX_FEATURES) - len(shared)
    elif isinstance(left, list) and isinstance(right, list):
        equal = sum(map(bool, map(eq, left[:MAX_FEATURES], right[:MAX_FEATURES])))
        size = min(max(len(left), len(right)), MAX_FEATURES)
    elif isinstance(left, str) and isinstance(right, str):
        words, others = set(_words(left)), set(_words(right))
        equal, size = len(words & others), len(words | others)
    else:
        return 0.0
    return equal / max(size, 1)


def _same_outline(lefts: Items, rights: Items) -> Pairs:
    """For gaps too large for a table: alignment by the features that occur on both sides at all."""
    features = [[_features(item.value) for item in items] for items in (lefts, rights)]
    left, right = ({one for some in side for one in some} for side in features)
    shared = (left & right).__contains__
    outlines = [
        [tuple(filter(shared, some)) or (at, number) for at, some in enumerate(side)]
        for number, side in enumerate(features)
    ]
    return [(lefts[a].at, rights[b].at) for a, b in align(*outlines)]


def _features(element: object) -> list[Hashable]:
    if isinstance(element, dict):
        fields = islice(element.items(), MAX_FEATURES)
        return [(k, type(v), v) for k, v in fields if not isinstance(v, dict | list)]
    return list(_words(element)) if isinstance(element, str) else []


def _words(text: str) -> list[str]:
    return text[: 16 * MAX_FEATURES].split()[:MAX_FEATURES]


def _between(lefts: Items, rights: Items, anchors: Pairs) -> Iterator[tuple[Items, Items, Pairs]]:
    """What lies before each anchor on either side, with that anchor; last what follows them all."""
    a = b = 0
    for i, j in anchors:
        stop = bisect_left(lefts, i, key=itemgetter(0))
        right_stop = bisect_left(rights, j, key=itemgetter(0))
        yield lefts[a:stop], rights[b:right_stop], [(i, j)]
        a, b = stop + 1, right_stop + 1
    yield lefts[a:], rights[b:], []

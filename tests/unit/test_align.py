"""Alignment: what is the same, what changed, what moved; and never quadratic."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_workflow.golden.align import MAX_EDITS, MAX_TABLE, Matching, align, match
from aos_workflow.golden.diff import exact_key

SECONDS = 5.0
"""Ten times what the slowest case takes; a quadratic alignment would take minutes."""


def matched(expected: Sequence[object], got: Sequence[object]) -> Matching:
    return match(expected, got, [exact_key(x) for x in expected], [exact_key(x) for x in got])


def longest_common(left: Sequence[object], right: Sequence[object]) -> int:
    """The textbook table, as an independent answer."""
    row = [0] * (len(right) + 1)
    for x in left:
        diagonal = 0
        for j, y in enumerate(right, 1):
            diagonal, row[j] = row[j], diagonal + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


letters = st.lists(st.sampled_from("abcd"), max_size=24)


@given(letters, letters)
def test_a_short_alignment_matches_as_much_as_possible(left: list[str], right: list[str]) -> None:
    assert len(left) + len(right) <= MAX_EDITS
    pairs = align(left, right)
    assert all(left[i] == right[j] for i, j in pairs)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))
    assert len(pairs) == longest_common(left, right)


@given(st.lists(st.integers(0, 60), max_size=300), st.randoms(use_true_random=False))
def test_a_long_alignment_ascends_and_is_exact(left: list[int], rng: random.Random) -> None:
    right = [x for x in left if rng.random() > 0.3]
    for _ in range(len(left) // 2):
        right.insert(rng.randint(0, len(right)), rng.randint(0, 60))
    pairs = align(left, right)
    assert all(left[i] == right[j] for i, j in pairs)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))


def test_equal_and_empty_lists() -> None:
    assert align("abc", "abc") == [(0, 0), (1, 1), (2, 2)]
    assert align("", "abc") == align("abc", "") == align("", "") == []
    assert matched([1, 2], [1, 2]) == Matching([], reordered=False)


@pytest.mark.parametrize("edits", [MAX_EDITS - 1, MAX_EDITS, MAX_EDITS + 1])
def test_insertions_around_the_length_of_one_edit_script(edits: int) -> None:
    left = [n % 7 for n in range(1000)]
    right = list(left)
    for n in range(edits):
        right.insert(n * 15, 100 + n)
    assert len(align(left, right)) == 1000


def test_a_removed_and_an_added_element_are_named_by_their_index() -> None:
    assert matched(["a", "b", "c"], ["b", "c"]).steps == [(0, None)]
    assert matched(["b", "c"], ["b", "new", "c"]).steps == [(None, 1)]


def test_a_changed_element_is_one_pair() -> None:
    assert matched([1, 2, 3], [1, 9, 3]).steps == [(1, 1)]


def test_identity_pairs_what_position_would_not() -> None:
    left = [{"id": n, "text": f"old {n}"} for n in (1, 2, 3)]
    right = [{"id": 9, "text": "new"}, *({"id": n, "text": f"new {n}"} for n in (1, 2, 3))]
    assert matched(left, right).steps == [(None, 0), (0, 1), (1, 2), (2, 3)]


def test_an_identity_of_true_is_not_the_identity_1() -> None:
    left, right = [{"id": 1, "a": 0}], [{"id": True, "a": 5}, {"id": 1, "a": 1}]
    assert matched(left, right).steps == [(None, 0), (0, 1)]


def test_an_identity_that_several_share_says_nothing() -> None:
    left = [{"name": "x", "a": 1, "b": 1}, {"name": "x", "a": 2, "b": 2}]
    right = [{"name": "x", "a": 2, "b": 2, "c": 3}]
    assert matched(left, right).steps == [(0, None), (1, 0)]


def test_shape_pairs_objects_without_identity() -> None:
    left = [{"skill": "search", "q": "a", "n": 1}, {"skill": "plan", "q": "b", "n": 2}]
    right = [{"skill": "plan", "q": "b", "n": 3}]
    assert matched(left, right).steps == [(0, None), (1, 0)]


def test_shape_pairs_texts_and_lists() -> None:
    assert matched(["one two three", "four five six"], ["four five 6"]).steps == [
        (0, None),
        (1, 0),
    ]
    assert matched([[1, 2, 3], [4, 5, 6]], [[4, 5, 7]]).steps == [(0, None), (1, 0)]


@pytest.mark.parametrize("size", [MAX_TABLE // 20 - 1, MAX_TABLE // 20, 10 * MAX_TABLE])
def test_an_element_inserted_among_changed_ones_without_identity(size: int) -> None:
    left = [{"kind": n, "at": f"then {n}"} for n in range(size)]
    right = [{"kind": n, "at": f"now {n}"} for n in range(size)]
    right.insert(1, {"kind": -1, "at": "never"})
    steps = matched(left, right).steps
    assert steps == [(0, 0), (None, 1), *((n, n + 1) for n in range(1, size))]


def test_another_order_is_told_as_such() -> None:
    assert matched([1, 2, 2, 3], [3, 2, 1, 2]) == Matching([], reordered=True)


def test_an_element_that_moved_is_neither_removed_nor_added() -> None:
    left = [{"id": n, "x": 0} for n in range(5)]
    right = [left[3], left[0], left[1], {"id": 2, "x": 7}, left[4]]
    assert matched(left, right) == Matching([(2, 3)], reordered=True)


def test_elements_that_changed_and_moved_are_pairs() -> None:
    left = [{"id": n, "x": 0} for n in range(3)]
    right = [{"id": n, "x": 1} for n in (2, 0, 1)]
    found = matched(left, right)
    assert found.reordered
    assert sorted(found.steps, key=str) == [(0, 1), (1, 2), (2, 0)]


def test_a_number_found_elsewhere_is_a_coincidence() -> None:
    found = matched([7, 1, 2, 3], [4, 1, 2, 5, 6, 7])
    assert not found.reordered


def test_positions_win_where_they_explain_more() -> None:
    assert matched([1, 2, 3], [2, 9, 8]).steps == [(0, 0), (1, 1), (2, 2)]


def case(name: str) -> tuple[Sequence[object], Sequence[object]]:
    rng = random.Random(5)
    zeros: list[object] = [0] * 60_000
    flipped = list(zeros)
    for n in rng.sample(range(60_000), 5_000):
        flipped[n] = 1
    bits: list[object] = [rng.randrange(2) for _ in range(60_000)]
    lines: list[object] = [f"{n} line" if n % 3 else "---" for n in range(60_000)]
    twice: list[object] = [n // 2 for n in range(60_000)]
    objects: list[object] = [{"id": n, "v": n} for n in range(30_000)]
    cases: dict[str, tuple[Sequence[object], Sequence[object]]] = {
        "zeros": (zeros, flipped),
        "zeros-shifted": (zeros, [7, *flipped]),
        "bits": (bits, [rng.randrange(2) for _ in range(59_000)]),
        "different": (list(range(100_000)), list(range(200_000, 300_000))),
        "different-texts": (lines, [f"{n} other" for n in range(59_000)]),
        "shuffled": (lines, [*rng.sample(lines, len(lines)), "x"]),
        "shuffled-twice": (twice, [*rng.sample(twice, len(twice)), -1]),
        "objects": (objects, [{}, *({"id": n, "v": -n} for n in range(30_000))]),
        "objects-reversed": (objects, [{"id": n, "v": -1} for n in range(30_000)][::-1]),
        "nested-anchors": (
            list(range(30_000)) * 2,
            [*range(30_000), *range(29_999, -1, -1), 5],
        ),
    }
    return cases[name]


@pytest.mark.parametrize(
    "name",
    [
        "zeros",
        "zeros-shifted",
        "bits",
        "different",
        "different-texts",
        "shuffled",
        "shuffled-twice",
        "objects",
        "objects-reversed",
        "nested-anchors",
    ],
)
def test_no_long_list_takes_quadratic_time(name: str) -> None:
    left, right = case(name)
    start = time.process_time()
    found = matched(left, right)
    assert time.process_time() - start < SECONDS
    removed = sum(j is None for _, j in found.steps)
    added = sum(i is None for i, _ in found.steps)
    assert len(left) - removed == len(right) - added


def test_identical_scalars_with_changes_differ_where_they_changed() -> None:
    left, right = case("zeros-shifted")
    assert len(matched(left, right).steps) == 5_001

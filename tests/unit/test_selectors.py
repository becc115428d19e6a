"""Which places a selector means, and what is no selector."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_workflow.errors import RuleError
from aos_workflow.golden.paths import format_path
from aos_workflow.golden.selectors import Automaton, parse_selector

Path = tuple[str | int, ...]


def places(value: Any, path: Path = ()) -> Iterator[tuple[Path, list[int]]]:
    """Every path of a value with the lengths of the lists it goes through."""
    todo: list[tuple[Any, Path, list[int]]] = [(value, path, [])]
    while todo:
        value, path, lengths = todo.pop()
        yield path, lengths
        if isinstance(value, dict):
            todo += [(item, (*path, key), lengths) for key, item in value.items()]
        elif isinstance(value, list):
            todo += [
                (item, (*path, index), [*lengths, len(value)]) for index, item in enumerate(value)
            ]


def selected(selector: str, value: Any) -> list[str]:
    """The paths in ``value`` that ``selector`` matches, sorted."""
    parsed, end = parse_selector(selector)
    assert end == len(selector)
    automaton = Automaton([parsed])
    found = []
    for path, lengths in places(value):
        state, remaining = automaton.root, iter(lengths)
        for part in path:
            if isinstance(part, str):
                state = automaton.key(state, part)
            else:
                state = automaton.index(state, part, next(remaining))
        if state.accepting:
            found.append(format_path(path))
    return sorted(found)


DOCUMENT = {
    "a": {"b": 1, "id": 2, "c": {"b": 3}},
    "b": {"b": 4},
    "id": 5,
    "list": [{"id": 6}, {"id": 7}, [8, {"id": 9}]],
    "odd key": {"b": 10},
}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (".", ["."]),
        (".a", [".a"]),
        (".a.b", [".a.b"]),
        (".a.missing", []),
        (".*", [".a", ".b", ".id", ".list", '["odd key"]']),
        (".*.b", [".a.b", ".b.b", '["odd key"].b']),
        (".{a,b}.b", [".a.b", ".b.b"]),
        (".{ a , odd }.{b,id}", [".a.b", ".a.id"]),
        ('["odd key"]', ['["odd key"]']),
        ('["odd key"].b', ['["odd key"].b']),
        ('["\\u0061"]["b"]', [".a.b"]),
        (
            ".**.id",
            [".a.id", ".id", ".list[0].id", ".list[1].id", ".list[2][1].id"],
        ),
        (".list.**.id", [".list[0].id", ".list[1].id", ".list[2][1].id"]),
        (".list[*].id", [".list[0].id", ".list[1].id"]),
        (".list.*.id", [".list[0].id", ".list[1].id"]),
        (".list[*][*]", [".list[2][0]", ".list[2][1]"]),
        (".list.**[-1].id", [".list[2][1].id"]),
        (".**[*]", [".list[0]", ".list[1]", ".list[2]", ".list[2][0]", ".list[2][1]"]),
        (".a[*]", []),
        (".list.id", []),
        (".a.**.b", [".a.b", ".a.c.b"]),
    ],
)
def test_a_selector_matches_only_what_it_says(selector: str, expected: list[str]) -> None:
    assert selected(selector, DOCUMENT) == sorted(expected)


def test_any_depth_matches_every_place_and_the_root() -> None:
    assert selected(".**", {"a": [1]}) == [".", ".a", ".a[0]"]


def test_d14_the_end_of_a_selector_does_not_match_alone() -> None:
    """insta's ``.**.a.b`` also matches a ``b`` at the root (PEERS D14)."""
    document = {"b": 0, "a": {"b": 1}, "x": {"b": 2, "a": {"b": 3, "x": {"b": 4}}}}
    assert selected(".**.a.b", document) == [".a.b", ".x.a.b"]


@pytest.mark.parametrize(
    ("selector", "indexes"),
    [
        ("[0]", [0]),
        ("[3]", [3]),
        ("[4]", []),
        ("[-1]", [3]),
        ("[-4]", [0]),
        ("[-5]", []),
        ("[1:3]", [1, 2]),
        ("[ 1 : 3 ]", [1, 2]),
        ("[:3]", [0, 1, 2]),
        ("[2:]", [2, 3]),
        ("[-2:]", [2, 3]),
        ("[:-1]", [0, 1, 2]),
        ("[1:-1]", [1, 2]),
        ("[-3:2]", [1]),
        ("[2:999999999999]", [2, 3]),
        ("[:]", [0, 1, 2, 3]),
        ("[*]", [0, 1, 2, 3]),
    ],
)
def test_indexes_and_ranges(selector: str, indexes: list[int]) -> None:
    assert selected(selector, [10, 11, 12, 13]) == [f"[{index}]" for index in indexes]


@given(
    st.integers(0, 6), st.none() | st.integers(-7, 7), st.none() | st.integers(-7, 7), st.booleans()
)
def test_ranges_are_those_of_python(
    length: int, start: int | None, stop: int | None, single: bool
) -> None:
    items = list(range(length))
    if single:
        start = start or 0
        expected = [items[start]] if -length <= start < length else []
        selector = f"[{start}]"
    else:
        expected = items[start:stop]
        selector = f"[{'' if start is None else start}:{'' if stop is None else stop}]"
    try:
        found = selected(selector, items)
    except RuleError:
        # Only a range that is empty for every length is refused.
        assert not single
        assert not any(list(range(n))[start:stop] for n in range(20))
    else:
        assert found == [f"[{index}]" for index in expected]


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_negative_index_counts_from_the_back_of_each_list(length: int) -> None:
    value = {"x": list(range(length)), "y": [[1], [1, 2]]}
    assert selected(".x[-1]", value) == [f".x[{length - 1}]"]
    assert selected(".y[*][-1]", value) == [".y[0][0]", ".y[1][1]"]


@pytest.mark.parametrize(
    ("text", "value_class"),
    [(".a", None), (".a:uuid", "uuid"), (".:temp_path", "temp_path"), ("[0]:date", "date")],
)
def test_a_value_class_may_follow(text: str, value_class: str | None) -> None:
    selector, end = parse_selector(text)
    assert (selector.value_class, end) == (value_class, len(text))


@pytest.mark.parametrize(
    ("text", "end"), [(".a: mask", 2), (".a:uuid: strip", 7), (".a b", 2), (".a]", 2), (".: x", 1)]
)
def test_what_follows_a_selector_is_left_to_the_caller(text: str, end: int) -> None:
    assert parse_selector(text)[1] == end


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        ("a", 1),
        ("**", 1),
        (" .a", 1),
        ("..a", 2),
        (".a.", 4),
        (".1a", 2),
        (".é", 2),
        (".a..b", 4),
        (".a.[0]", 4),
        (".a[", 3),
        (".a[]", 3),
        (".a[-]", 3),
        (".a[--1]", 3),
        (".a[1 2]", 3),
        (".a[1:2:3]", 3),
        (".a[-:2]", 3),
        (".a[x]", 3),
        (".a['x']", 3),
        ('.a["x]', 3),
        ('.a["\\x"]', 3),
        ('.a["\n"]', 3),
        (f".a[{'9' * 5000}]", 3),
        (".a[2:2]", 3),
        (".a[3:1]", 3),
        (".a[:0]", 3),
        (".a[-1:0]", 3),
        (".a[-1:-1]", 3),
        (".a.{}", 3),
        (".a.{b", 3),
        (".a.{b,}", 3),
        (".a.{b c}", 3),
        (".a.{1}", 3),
        (".a.**.**", 6),
        (".**.**", 4),
    ],
)
def test_no_selector_is_an_error_with_its_column(text: str, column: int) -> None:
    with pytest.raises(RuleError) as caught:
        parse_selector(text)
    assert f"column {column}:" in caught.value.message
    assert caught.value.hint is not None


KEYS = st.sampled_from(["a", "b1", "$c", "_d-e", "odd key", "1", "", "é", '"', "\\", "]", "\x00"])
SEGMENTS = st.one_of(
    KEYS.map(lambda key: f"[{json.dumps(key)}]"),
    st.sampled_from([".a", ".*", "[*]", ".{b,a}", ".{a}", "[:]", "[0:]"]),
    st.integers(-3, 3).map(lambda index: f"[{index}]"),
    st.tuples(st.integers(0, 3), st.integers(4, 6)).map(lambda ends: f"[{ends[0]}:{ends[1]}]"),
    st.tuples(st.integers(-6, -4), st.integers(-3, -1)).map(lambda e: f"[{e[0]}:{e[1]}]"),
)
PATHS = st.lists(KEYS | st.integers(0, 9), max_size=5)


@given(st.lists(SEGMENTS, max_size=4), st.lists(SEGMENTS, min_size=1, max_size=4))
def test_the_normalised_text_is_the_same_selector(front: list[str], back: list[str]) -> None:
    text = "".join([*front, ".**", *back])
    selector, _ = parse_selector(text)
    again, end = parse_selector(selector.text)
    assert end == len(selector.text)
    assert again == selector


@given(PATHS)
def test_a_printed_path_selects_exactly_its_place(path: list[str | int]) -> None:
    value: Any = "here"
    for part in reversed(path):
        value = {part: value, "other": 0} if isinstance(part, str) else [*([0] * part), value, 0]
    assert selected(format_path(path), value) == [format_path(path)]


def test_key_sets_are_normalised() -> None:
    assert parse_selector(".{b,a,b}")[0] == parse_selector(".{a,b}")[0]
    assert parse_selector(".{a}")[0] == parse_selector('["a"]')[0] == parse_selector(".a")[0]


def test_the_automaton_keeps_stepping_after_its_cache_is_full() -> None:
    automaton = Automaton([parse_selector(".**.hit")[0]])
    for number in range(5000):
        assert not automaton.key(automaton.root, f"k{number}").accepting
    assert len(automaton.root.keys) < 5000
    assert automaton.key(automaton.root, "hit").accepting == (0,)


def test_accepting_lists_every_selector_in_order() -> None:
    texts = [".**.id", ".a.*", ".a.id", ".b", ".*.id"]
    automaton = Automaton(parse_selector(text)[0] for text in texts)
    state = automaton.key(automaton.key(automaton.root, "a"), "id")
    assert state.accepting == (0, 1, 2, 4)

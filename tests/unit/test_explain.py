"""Explanations: where, what, how; within the width, without control characters or secrets."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_workflow.golden.diff import Entry, diff
from aos_workflow.golden.explain import describe, headline, inner_differences, propose_rule
from aos_workflow.golden.rules import Rule

UUIDS = "6f9619ff-8b86-d011-b42d-00c04fc964ff", "6f9619ff-8b86-d011-b42d-00c04fc964aa"


def lines(expected: object, got: object, width: int = 100, max_lines: int = 12) -> list[str]:
    return [
        line
        for entry in diff(expected, got).entries
        for line in describe(entry, width=width, max_lines=max_lines)
    ]


def only(expected: object, got: object) -> Entry:
    (entry,) = diff(expected, got).entries
    return entry


@pytest.mark.parametrize(
    ("expected", "got", "line"),
    [
        (
            {"steps": [0, 0, {"output": {"score": 0.91}}]},
            {"steps": [0, 0, {"output": {"score": 0.87}}]},
            ".steps[2].output.score: expected 0.91, got 0.87",
        ),
        ({"a b": None}, {"a b": 5}, '["a b"]: expected null, got number 5'),
        ("1", 1, '.: expected string "1", got number 1 (only the type differs)'),
        (True, 1, ".: expected boolean true, got number 1 (only the type differs)"),
        (0.1 + 0.2, 0.3, ".: expected 0.30000000000000004, got 0.3 (rounding)"),
        ({"a": 1}, {}, ".a: expected 1, got nothing"),
        ([1], [1, {"b": [2]}], '.[1]: not expected, got {"b": [2]}'.replace(".[", "[")),
        (
            {"at": "2026-01-01T00:00:00Z"},
            {"at": "2026-01-01T00:00:01Z"},
            '.at: expected "2026-01-01T00:00:00Z", got "2026-01-01T00:00:01Z" (timestamp)',
        ),
        ({"n": 10**5000}, {"n": 3}, ".n: expected <number of 16,610 bits>, got 3"),
    ],
)
def test_one_line_says_where_expected_and_got(expected: object, got: object, line: str) -> None:
    assert lines(expected, got) == [line]


def test_below_a_moved_element_both_places_are_named() -> None:
    assert lines([{"id": 1, "x": 1}], [{"id": 0}, {"id": 1, "x": 2}]) == [
        '[0]: not expected, got {"id": 0}',
        "[0].x (now [1].x): expected 1, got 2",
    ]


def test_long_texts_are_shown_around_their_first_difference() -> None:
    shown = lines("x" * 300 + "A" + "y" * 300, "x" * 300 + "B" + "z" * 200, width=60)
    assert shown[0] == ".: differs from character 300 on, of 601 and 501 characters"
    column = shown[3].index("^")
    assert (shown[1][column], shown[2][column]) == ("A", "B")
    assert shown[1][column - 3 : column] == shown[2][column - 3 : column] == "xxx"
    assert max(map(len, shown)) <= 60


def test_texts_that_fit_are_shown_whole() -> None:
    left, right = "a" * 70 + "\x07b", "a" * 70 + "\x07c"
    shown = lines(left, right)
    assert shown[1] == f'  expected "{"a" * 70}\\u0007b"'
    assert shown[1][shown[3].index("^")] == "b"


def test_texts_of_several_lines_are_compared_by_line() -> None:
    left = [f"line {n}" for n in range(40)]
    right = [line for line in left if line != "line 7"]
    right[29] = "line XX"
    assert lines({"t": "\n".join(left)}, {"t": "\n".join(right)}) == [
        ".t:",
        "  @@ line 8 (now 8) @@",
        "  - line 7",
        "  @@ line 31 (now 30) @@",
        "  - line 30",
        "  + line XX",
    ]


def test_line_differences_stop_at_the_number_of_lines_asked_for() -> None:
    left = "\n".join(f"line {n}" for n in range(500))
    right = "\n".join(f"other {n}" for n in range(500))
    shown = lines(left, right, max_lines=5)
    assert len(shown) == 5
    assert re.fullmatch(r"  … more lines: \d+", shown[-1])


def test_a_text_of_60_000_lines_is_explained_in_time() -> None:
    left = "\n".join(f"line {n}" for n in range(60_000))
    right = left.replace("line 59999", "line x")
    start = time.process_time()
    assert "  - line 59999" in lines(left, right)
    assert time.process_time() - start < 5


def test_a_huge_text_is_explained_in_time() -> None:
    left, right = "x\n" * 5_000_000, "x\n" * 4_999_999 + "y\n"
    start = time.process_time()
    assert lines(left, right)[0].startswith(".: differs from character 9,999,998 on")
    assert time.process_time() - start < 5


def test_line_endings_are_visible() -> None:
    shown = lines("a\r\n" * 60, "a\n" * 60, max_lines=5)
    assert "  - a\\r" in shown


def test_displaced_elements_are_named_and_the_others_are_not() -> None:
    assert lines({"tags": ["a", "b", "c", "d"]}, {"tags": ["b", "c", "d", "a"]}) == [
        ".tags: the order of 4 elements differs",
        '  [0] is now [3]: "a"',
    ]
    reversed_ = lines(list(range(9)), list(range(9))[::-1])
    assert len(reversed_) == 5
    assert reversed_[-1] == "  … 4 more"


@given(st.permutations(range(6)))
def test_what_stands_where_it_stood_is_not_called_displaced(order: list[int]) -> None:
    shown = [line for line in lines({"a": [*range(6)]}, {"a": order}) if " is now " in line]
    assert all(line.split()[0] != line.split()[3].rstrip(":") for line in shown)
    assert bool(shown) is (order != [*range(6)])


def test_what_differs_inside_json_text_is_named() -> None:
    assert lines({"args": '{"a": 1, "b": [1, 2]}'}, {"args": '{"a": "1", "b": [1]}'})[-2:] == [
        '  inside, .a: expected number 1, got string "1"',
        "  inside, .b[1]: expected number 2, got nothing",
    ]
    assert lines('{"a": 1}', {"a": 1}) == [
        '.: expected string text {"a": 1}, got object {"a": 1} (only the type differs)'
    ]
    assert inner_differences('{"a": true}', {"a": 1}) == [
        "  inside, .a: expected boolean true, got number 1"
    ]


def test_large_or_unlike_containers_are_not_looked_into() -> None:
    assert inner_differences([0] * 5000, [1] * 5000) == []
    assert inner_differences({"a": 1}, [1]) == []
    assert inner_differences("[" * 3000, []) == []


SECRET = "hunter2-hunter2"
TEXT = json.dumps({"n": 1, "token": SECRET})


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ({"password": SECRET}, {"password": "x"}),
        ({"password": {"deep": [SECRET]}}, {"password": {"deep": [1]}}),
        ({"auth": {"api_key": SECRET}}, {"auth": 1}),
        ({}, {"headers": {"Authorization": SECRET}}),
        ([{"token": SECRET}, "x y z a b c"], [{"token": "other"}, "u"]),
        ({"args": TEXT}, {"args": TEXT.replace("1", "2")}),
        ({"args": TEXT}, {"args": {"token": "o"}}),
        ({"client_secret": [SECRET, "b"]}, {"client_secret": ["b", SECRET]}),
    ],
)
def test_secrets_are_never_shown(expected: object, got: object) -> None:
    for x, y in ((expected, got), (got, expected)):
        shown = "\n".join(lines(x, y))
        assert "***" in shown
        assert SECRET not in shown


TOKENS = ["ghp_" + start + "1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8" for start in "ab"]


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ({"note": "x"}, {"note": f"see {TOKENS[0]}"}),
        ({}, {TOKENS[0]: 1}),
        ({"a": [{TOKENS[0]: {"n": 1}}]}, {"a": [{TOKENS[0]: {"n": 2}}]}),
        ({"a": {"b": 1}}, {"a": {"b": {"note": [TOKENS[0], {TOKENS[1]: 1}]}}}),
        ({"a": [TOKENS[0], "x"]}, {"a": ["x", TOKENS[0]]}),
        ({"a": "line\n" * 40}, {"a": "line\n" * 40 + TOKENS[0]}),
        ({"a": json.dumps({"n": 1, TOKENS[0]: 1})}, {"a": json.dumps({"n": 2, TOKENS[1]: 1})}),
    ],
)
def test_what_has_the_shape_of_a_credential_is_never_shown(expected: object, got: object) -> None:
    for x, y in ((expected, got), (got, expected)):
        found = diff(x, y)
        shown = "\n".join(lines(x, y)) + json.dumps(found.to_json())
        shown += "".join(propose_rule(entry) or "" for entry in found.entries)
        assert "***" in shown
        assert not [token for token in TOKENS if token[:10] in shown]


def test_two_credentials_differ_without_being_shown() -> None:
    assert lines({"a": f"see {TOKENS[0]}"}, {"a": f"see {TOKENS[1]}"}) == [
        ".a: differs in what looks like a credential"
    ]


def test_no_rule_is_proposed_below_a_credential() -> None:
    (entry,) = diff({TOKENS[0]: [1, 2]}, {TOKENS[0]: [2, 1]}).entries
    assert propose_rule(entry) is None


texts = st.text(st.characters(codec=None), max_size=200)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values, values, st.integers(40, 120))
def test_lines_are_short_and_safe_to_print(x: object, y: object, width: int) -> None:
    for entry in diff(x, y).entries:
        shown = describe(entry, width=width)
        assert 1 <= len(shown) <= 12
        for line in shown:
            assert len(line) <= width
            assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff]", line)


@pytest.mark.parametrize(
    ("expected", "got", "rule"),
    [
        (
            {"steps": [{"started_at": "2026-01-01T00:00:00Z"}]},
            {"steps": [{"started_at": "2026-01-02T00:00:00Z"}]},
            ".**.started_at: mask timestamp",
        ),
        ({"x": {"id": UUIDS[0]}}, {"x": {"id": UUIDS[1]}}, ".**.id: alias uuid"),
        ({"ids": [UUIDS[0]]}, {"ids": [UUIDS[1]]}, ".**.ids[*]: alias uuid"),
        ([UUIDS[0]], [UUIDS[1]], "[*]: alias uuid"),
        (UUIDS[0], UUIDS[1], ".: alias uuid"),
        ({"a b": UUIDS[0]}, {"a b": UUIDS[1]}, '.**["a b"]: alias uuid'),
        ({"tags": [1, 2]}, {"tags": [2, 1]}, ".tags: sort"),
        ([[1, 2]], [[2, 1]], "[*]: sort"),
        ([1, 2], [2, 1], ".: sort"),
        ({"score": 0.1 + 0.2}, {"score": 0.3}, ".score: round 6"),
        ([{"s": 1e-12}], [{"s": 1.0000000001e-12}], None),
        ({"s": 1.5e-8}, {"s": 1.5000000001e-8}, ".s: round 13"),
        ({"s": 123456789.25}, {"s": 123456789.26}, ".s: round 0"),
        ({"a": 1}, {"a": 2}, None),
        ({"a": "1"}, {"a": 1}, None),
        ({"a": 1}, {}, None),
    ],
)
def test_a_rule_is_proposed_where_one_is_legitimate(
    expected: object, got: object, rule: str | None
) -> None:
    proposed = propose_rule(only(expected, got))
    assert proposed == rule
    if proposed is not None:
        assert str(Rule.parse(proposed)) == proposed


@pytest.mark.parametrize(
    ("expected", "got", "line"),
    [
        (1, 1, "no difference"),
        (1, 2, "1 value differs: changed"),
        (["1", "2", None], [1, 2, ""], "3 values differ: type only"),
        ([1, 2], [2, 1], "1 value differs: order only"),
        ({"a": 1, "b": 2}, {"a": 2}, "2 values differ: 1 changed, 1 removed"),
        ({"a": 1, "b": 0.1 + 0.2}, {"a": 2, "b": 0.3}, "2 values differ: 1 value, 1 float"),
        (
            dict.fromkeys(map(str, range(1200)), 1),
            dict.fromkeys(map(str, range(1200)), 2),
            "1,200 values differ: changed",
        ),
    ],
)
def test_the_headline_counts_and_names_the_cause(expected: object, got: object, line: str) -> None:
    assert headline(diff(expected, got)) == line


def test_the_headline_says_when_counting_stopped() -> None:
    left, right = (dict.fromkeys(map(str, range(100_001)), value) for value in (1, 2))
    assert headline(diff(left, right)) == "more than 100,000 values differ: changed"


def test_deepdiff_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys; from aos_workflow.golden.diff import diff;"
        "from aos_workflow.golden.explain import describe;"
        "describe(diff(1, 2).entries[0]); sys.exit('deepdiff' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

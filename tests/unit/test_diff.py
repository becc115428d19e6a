"""The diff: complete, exact about types, one entry for one change, and fast."""

from __future__ import annotations

import copy
import json
import pickle
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aos_workflow.errors import DepthError, UnsupportedTypeError, UsageError
from aos_workflow.golden.diff import (
    ABSENT,
    MAX_COUNTED,
    Diff,
    Entry,
    diff,
    exact_key,
    is_secret_key,
)
from aos_workflow.golden.limits import MAX_DEPTH

SECONDS = 10.0

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.sampled_from([0.0, -0.0, 0.5, 1.0, 1e300])
    | st.sampled_from(["", "a", "1", "true"])
    | st.text(max_size=4)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from("abcd"), inner),
    max_leaves=30,
)


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


def same(x: Any, y: Any) -> bool:
    """Equality of canonical JSON, written down once more and without a trick."""
    if isinstance(x, dict) and isinstance(y, dict):
        return x.keys() == y.keys() and all(same(x[k], y[k]) for k in x)
    if isinstance(x, list) and isinstance(y, list):
        return len(x) == len(y) and all(map(same, x, y))
    if isinstance(x, bool) or isinstance(y, bool):
        return x is y
    numbers = isinstance(x, int | float) and isinstance(y, int | float)
    return (numbers or type(x) is type(y)) and bool(x == y)


@given(values)
def test_a_value_does_not_differ_from_itself(value: object) -> None:
    assert diff(value, copy.deepcopy(value)) == Diff(())


@given(values, values)
def test_empty_if_and_only_if_the_values_are_the_same(x: object, y: object) -> None:
    assert diff(x, y).equal == diff(y, x).equal == same(x, y)


@settings(max_examples=300)
@given(values, st.data())
def test_every_entry_tells_the_truth(x: Any, data: st.DataObject) -> None:
    y = edited(x, data)
    for entry in diff(x, y).entries:
        if entry.kind != "added":
            assert at(x, entry.path) is entry.expected
        if entry.kind != "removed":
            assert at(y, entry.got_path) is entry.got
        assert (entry.expected is ABSENT) == (entry.kind == "added")
        assert (entry.got is ABSENT) == (entry.kind == "removed")
        assert not same(entry.expected, entry.got)


@settings(max_examples=300)
@given(values, st.data())
def test_applying_the_entries_leads_from_one_value_to_the_other(
    x: Any, data: st.DataObject
) -> None:
    y = edited(x, data)
    found = diff(x, y)
    if any(entry.kind == "reordered" for entry in found.entries):
        return
    assert same(applied(x, found), y)


def edited(value: Any, data: st.DataObject) -> Any:
    """The value with a few changes at random places, or another one."""
    value = copy.deepcopy(value)
    for _ in range(data.draw(st.integers(0, 3))):
        place, key = value, None
        while isinstance(place, dict | list) and place:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = data.draw(st.sampled_from(list(keys)))
            if data.draw(st.booleans()) or not isinstance(place[key], dict | list):
                break
            place = place[key]
        else:
            return data.draw(values)
        match data.draw(st.sampled_from(["set", "remove", "insert"])):
            case "set":
                place[key] = data.draw(values)
            case "remove":
                del place[key]
            case "insert" if isinstance(place, list):
                place.insert(key, data.draw(values))
    return value


def applied(x: Any, found: Diff) -> Any:
    """``x`` with the entries carried out; list elements by their index in ``got``."""
    holder = [copy.deepcopy(x)]
    lists: dict[tuple[str | int, ...], tuple[list[int], dict[int, Any]]] = {}
    for entry in found.entries:
        path = (0, *entry.path)
        parent = at(holder, path[:-1])
        if entry.kind in ("changed", "type_changed"):
            parent[path[-1]] = entry.got
        elif isinstance(parent, dict):
            if entry.kind == "added":
                parent[path[-1]] = entry.got
            else:
                del parent[path[-1]]
        else:
            removed, added = lists.setdefault(path[:-1], ([], {}))
            if entry.kind == "added":
                added[int(path[-1])] = entry.got
            else:
                removed.append(int(path[-1]))
    for path in sorted(lists, key=len, reverse=True):
        removed, added = lists[path]
        parent = at(holder, path)
        for index in sorted(removed, reverse=True):
            del parent[index]
        for index in sorted(added):
            parent.insert(index, added[index])
    return holder[0]


def only(found: Diff) -> Entry:
    (entry,) = found.entries
    return entry


@pytest.mark.parametrize(
    ("expected", "got", "kind", "cause"),
    [
        (True, 1, "type_changed", "type"),
        (0, False, "type_changed", "type"),
        ("1", 1, "type_changed", "type"),
        (1.5, "1.5", "type_changed", "type"),
        ("1.0", 1, "type_changed", "type"),
        ("True", True, "type_changed", "type"),
        (None, "null", "type_changed", "type"),
        (None, "", "type_changed", "type"),
        ([], {}, "type_changed", "type"),
        ('{"a": [1]}', {"a": [1]}, "type_changed", "type"),
        ("1", True, "type_changed", "value"),
        ("1", 2, "type_changed", "value"),
        (None, 0, "type_changed", "value"),
        ("[" * 4000, [], "type_changed", "value"),
        (10**30, str(10**30), "type_changed", "type"),
        (1, 2, "changed", "value"),
        (0.1 + 0.2, 0.3, "changed", "float"),
        (3, 3.0000000000000004, "changed", "float"),
        (1_000_000_000_000, 1_000_000_000_001, "changed", "value"),
        (0.3, 0.3001, "changed", "value"),
        (10**400, 0.5, "changed", "value"),
        ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "changed", "volatile"),
        ("2026-01-01T00:00:00Z", "soon", "changed", "value"),
        ([1, 2], [2, 1], "reordered", "order"),
        ([1], [1, 2], "added", "value"),
        ({"a": 1}, {}, "removed", "value"),
    ],
)
def test_kind_and_cause(expected: object, got: object, kind: str, cause: str) -> None:
    for place in (lambda v: v, lambda v: {"k": v}, lambda v: {"k": [v], "other": [True]}):
        entry = only(diff(place(expected), place(got)))
        assert (entry.kind, entry.cause) == (kind, cause)
        assert diff(place(expected), place(got)).cause == cause


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1, 1.0),
        (0.0, -0.0),
        ({"a": [1.0, {"b": 2.0}]}, {"a": [1, {"b": 2}]}),
        ({"a": 1, "b": [{"c": 1, "d": 2}]}, {"b": [{"d": 2, "c": 1}], "a": 1}),
        (10**16, 1e16),
        ("\ud800", "\ud800"),
        ([10**5000], [10**5000]),
    ],
)
def test_what_is_the_same(expected: object, got: object) -> None:
    assert diff(expected, got).equal
    assert diff([expected, 5], [got, 5]).equal


def test_true_and_1_differ_wherever_python_says_they_are_equal() -> None:
    expected = {"a": {"b": [1, {"c": True, "d": 0}]}, "z": [{"y": 1.0}]}
    got = {"a": {"b": [1, {"c": 1, "d": False}]}, "z": [{"y": 1}]}
    assert expected == got
    entries = diff(expected, got).entries
    assert [entry.path for entry in entries] == [("a", "b", 1, "c"), ("a", "b", 1, "d")]
    assert {entry.cause for entry in entries} == {"type"}


def test_an_integer_that_the_float_does_not_spell_differs() -> None:
    assert only(diff(2**60, float(2**60))).cause == "float"


def test_the_volatile_class_is_named_and_the_classifier_can_be_given() -> None:
    one, other = "6f9619ff-8b86-d011-b42d-00c04fc964ff", "6f9619ff-8b86-d011-b42d-00c04fc964fe"
    assert only(diff(one, other)).volatile_class == "uuid"
    assert only(diff(one, other, classify=lambda _: None)).cause == "value"
    entry = only(diff(5, 6, classify=lambda value: "pid" if isinstance(value, int) else None))
    assert (entry.cause, entry.volatile_class) == ("volatile", "pid")


def test_mixed_causes_are_value() -> None:
    found = diff({"a": [1, 2], "b": "1"}, {"a": [2, 1], "b": 1})
    assert found.cause == "value"
    assert found.causes == {"order": 1, "type": 1}
    assert found.counts == {"reordered": 1, "type_changed": 1}


def test_below_a_moved_element_both_paths_are_told() -> None:
    expected = {"steps": [{"id": 1, "out": {"x": 1, "gone": 0}}]}
    got = {"steps": [{"id": 0}, {"id": 1, "out": {"x": 2, "new": 0}}]}
    found = {entry.kind: entry for entry in diff(expected, got).entries}
    assert found["added"].path == ("steps", 0) or found["added"].path[-1] == "new"
    assert found["changed"].path == ("steps", 0, "out", "x")
    assert found["changed"].got_path == ("steps", 1, "out", "x")
    assert found["removed"].path == ("steps", 0, "out", "gone")


def test_entries_come_in_order() -> None:
    expected = {"b": [1, 2, 3, 4], "a": 1, "c": {"y": 1, "x": 1}}
    got = {"c": {"x": 2, "y": 2}, "b": [0, 1, 2, 5, 4], "aa": 1}
    assert [(entry.path, entry.kind) for entry in diff(expected, got).entries] == [
        (("a",), "removed"),
        (("aa",), "added"),
        (("b", 0), "added"),
        (("b", 2), "changed"),
        (("c", "x"), "changed"),
        (("c", "y"), "changed"),
    ]


def agent_run(steps: int) -> dict[str, Any]:
    """A recorded run of about 1.2 KB a step."""
    rng = random.Random(7)
    words = [f"w{rng.randrange(10**6):x}" for _ in range(500)]

    def text(length: int) -> str:
        return " ".join(rng.choices(words, k=length))

    return {
        "run_id": "run-1",
        "steps": [
            {
                "duration_ms": rng.randrange(5000),
                "error": None,
                "index": n,
                "inputs": {"filters": {"lang": "en", "safe": True}, "query": text(20), "top_k": 5},
                "output": {
                    "hits": [
                        {"id": f"{rng.randrange(2**64):016x}", "score": rng.random(), "t": text(6)}
                        for _ in range(3)
                    ],
                    "score": rng.random(),
                    "text": text(60),
                },
                "skill": rng.choice(["search", "plan", "llm"]),
                "started_at": f"2026-01-01T00:{n // 60 % 60:02d}:{n % 60:02d}Z",
                "status": "ok",
                "step_id": f"step-{n:05d}",
                "usage": {"input_tokens": rng.randrange(4000), "output_tokens": rng.randrange(900)},
            }
            for n in range(steps)
        ],
    }


def ten_changes(run: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = orjson.loads(orjson.dumps(run))
    rng = random.Random(3)
    for number, index in enumerate(sorted(rng.sample(range(len(run["steps"])), 10))):
        step = changed["steps"][index]
        match number % 3:
            case 0:
                step["output"]["hits"][1]["score"] += 0.25
            case 1:
                step["output"]["text"] += " changed"
            case 2:
                step["status"] = "failed"
    return changed


@pytest.mark.parametrize("where", [0, 150, 300])
def test_ten_changes_and_an_insertion_are_eleven_entries(where: int) -> None:
    run = agent_run(300)
    changed = ten_changes(run)
    changed["steps"].insert(where, {**run["steps"][5], "step_id": "new"})
    found = diff(run, changed)
    assert found.counts == {"added": 1, "changed": 10}
    assert [e.path for e in found.entries if e.kind == "added"] == [("steps", where)]
    back = diff(changed, run)
    assert back.counts == {"removed": 1, "changed": 10}


def fastest(action: Callable[[], object], times: int = 5) -> float:
    taken = []
    for _ in range(times):
        start = time.process_time()
        action()
        taken.append(time.process_time() - start)
    return min(taken)


@pytest.mark.skipif(sys.gettrace() is not None, reason="tracing slows Python, not orjson")
def test_a_diff_takes_no_longer_than_twice_the_parsing() -> None:
    run = agent_run(2_000)
    changed = ten_changes(run)
    changed["steps"].insert(0, {"step_id": "new"})
    texts = orjson.dumps(run), orjson.dumps(changed)
    parsing = fastest(lambda: [orjson.loads(text) for text in texts])
    assert diff(run, changed).total == 11
    assert fastest(lambda: diff(run, changed)) < 2 * parsing


def test_a_golden_of_60_000_lines() -> None:
    lines = [f"line {n}" if n % 3 else "---" for n in range(60_000)]
    changed = [f"{line} changed" if n % 1200 == 1 else line for n, line in enumerate(lines)]
    del changed[100]
    changed.insert(30_000, "new")
    start = time.process_time()
    found = diff(lines, changed)
    assert time.process_time() - start < SECONDS
    assert found.counts == {"changed": 50, "removed": 1, "added": 1}


@pytest.mark.parametrize("limit", [0, 9, 10, 11])
def test_beyond_the_limit_differences_are_counted_not_kept(limit: int) -> None:
    found = diff(list(range(10)), list(range(10, 20)), limit=limit)
    assert len(found.entries) == min(limit, 10)
    assert found.truncated == (limit < 10)
    assert (found.total, found.complete, found.equal) == (10, True, False)


@pytest.mark.parametrize("number", [MAX_COUNTED - 1, MAX_COUNTED, MAX_COUNTED + 1])
def test_counting_stops(number: int) -> None:
    got = {str(n): 0.1 + 0.2 for n in range(number)}
    found = diff(dict.fromkeys(got, 0.3), got, limit=1)
    assert found.total == min(number, MAX_COUNTED)
    assert found.complete == (number <= MAX_COUNTED)
    assert found.cause == ("float" if found.complete else "value")


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(UsageError, match="-1"):
        diff(1, 2, limit=-1)


def nested(depth: int, leaf: object) -> object:
    for level in range(depth):
        leaf = {"a": leaf} if level % 2 else [leaf]
    return leaf


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH])
def test_a_difference_at_the_greatest_depth(depth: int) -> None:
    assert len(only(diff(nested(depth, 1), nested(depth, 2))).path) == depth


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 100_000])
def test_a_difference_too_deep_is_an_error(depth: int) -> None:
    with pytest.raises(DepthError):
        diff([nested(depth, 1), 0], [nested(depth, 2), 0])


def test_a_difference_deep_below_much_data_is_not_looked_for_once_a_level() -> None:
    rows = [[n, str(n)] for n in range(50_000)]
    start = time.process_time()
    found = diff(
        nested(MAX_DEPTH - 2, rows), nested(MAX_DEPTH - 2, [*rows[:-1], [49_999, "other"]])
    )
    assert time.process_time() - start < SECONDS
    assert only(found).got == "other"


@pytest.mark.parametrize("value", [{1, 2}, (1, 2), object(), b"x"])
def test_what_is_not_json_is_refused_where_it_differs(value: object) -> None:
    with pytest.raises(UnsupportedTypeError, match=r"\.a"):
        diff({"a": 1}, {"a": value})


def test_an_error_inside_a_list_names_the_type() -> None:
    with pytest.raises(UnsupportedTypeError, match="object"):
        diff([1, 2], [object(), 2, 3])


@given(values, values)
def test_keys_are_equal_if_and_only_if_values_are_written_alike(x: object, y: object) -> None:
    alike = json.dumps(x, sort_keys=True) == json.dumps(y, sort_keys=True)
    assert (exact_key(x) == exact_key(y)) == alike


def test_the_report_is_json_without_secrets_and_without_bulk() -> None:
    found = diff(
        {"a": {"password": "x", "n": 1}, "api_key": "k1", "big": list(range(5000)), "t": "x"},
        {"a": 1, "api_key": "k2", "big": None, "t": "y" * 5000, "n": 10**5000},
    )
    report = json.dumps(found.to_json())
    assert "k1" not in report
    assert '"password": "***"' in report
    assert "<array of 5000>" in report
    assert len(report) < 6000
    assert diff(1, 2).to_json() == {
        "equal": False,
        "cause": "value",
        "total": 1,
        "truncated": False,
        "counts": {"changed": 1},
        "causes": {"value": 1},
        "entries": [{"path": ".", "kind": "changed", "cause": "value", "expected": 1, "got": 2}],
    }


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("password", True),
        ("dbPassword", True),
        ("API-Key", True),
        ("access_token", True),
        ("client_secret", True),
        ("Authorization", True),
        ("token", True),
        ("input_tokens", False),
        ("author", False),
        (3, False),
    ],
)
def test_secret_like_keys(key: object, secret: bool) -> None:
    assert is_secret_key(key) is secret


def test_entries_survive_pickling() -> None:
    found = diff({"a": 1}, {"b": 1})
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again.entries[0].got is ABSENT
    assert repr(ABSENT) == "ABSENT"

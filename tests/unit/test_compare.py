"""What differs between two goldens, in the words of the runbooks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.golden_samples import (
    PLAN,
    SECRET,
    legacy_golden,
    record_run,
    run_events,
    value_golden,
)

from aos_workflow.errors import GoldenFileError, UsageError
from aos_workflow.golden import (
    DEFAULT_RULES,
    NO_RULES,
    Event,
    GoldenRecorder,
    Rules,
    canonicalize,
)
from aos_workflow.golden.compare import DIFF_TYPES, Content, compare_contents, diff_contents


def compare(
    expected: list[Event], got: list[Event], rules: Rules = DEFAULT_RULES, **options: Any
) -> list[dict[str, Any]]:
    left, right = Content(events=tuple(expected)), Content(events=tuple(got))
    return compare_contents(left, right, rules, **options)


def with_data(event: Event, **data: Any) -> Event:
    return replace(event, data={**event.data, **data})


EVENTS = run_events(4)


def test_the_same_run_under_another_id_at_another_time_is_no_difference() -> None:
    other = [replace(e, run_id="other", timestamp="2030-01-01T00:00:00.000Z") for e in EVENTS]
    assert compare(EVENTS, other) == []


def test_a_changed_output_is_one_entry_with_its_place_and_both_values() -> None:
    got = [*EVENTS]
    got[2] = with_data(got[2], output={"answer": 9, "note": "größe 1"}, output_hash="changed too")
    assert compare(EVENTS, got) == [
        {
            "type": "value_changed",
            "index": 2,
            "path": ".data.output.answer",
            "cause": "value",
            "expected": 1.5,
            "got": 9,
        }
    ]


def test_the_hash_of_an_output_counts_where_the_output_was_not_kept() -> None:
    expected = [with_data(EVENTS[1], output=None, output_hash="a")]
    got = [with_data(EVENTS[1], output=None, output_hash="b")]
    assert [(d["type"], d["path"]) for d in compare(expected, got)] == [
        ("value_changed", ".data.output_hash")
    ]


@pytest.mark.parametrize("at", range(1, 5))
def test_a_step_more_or_less_is_one_entry_wherever_it_is(at: int) -> None:
    shorter = [
        with_data(replace(event, index=index), **({"index": index - 1} if "index" in event.data else {}))
        for index, event in enumerate([*EVENTS[:at], *EVENTS[at + 1 :]])
    ]  # fmt: skip
    missing, added = compare(EVENTS, shorter), compare(shorter, EVENTS)
    assert [(d["type"], d["index"]) for d in missing] == [("event_missing", at)]
    assert [(d["type"], d["index"]) for d in added] == [("event_added", at)]


def test_steps_in_another_order_are_said_to_be() -> None:
    got = [EVENTS[0], EVENTS[2], EVENTS[1], *EVENTS[3:]]
    assert [d["type"] for d in compare(EVENTS, got)] == ["events_reordered"]


def test_a_changed_type_of_event_or_value() -> None:
    got = [*EVENTS]
    got[1] = with_data(got[1], output={"answer": "0", "note": "größe 0"})
    assert [(d["type"], d["cause"]) for d in compare(EVENTS, got)] == [("type_changed", "type")]


def test_volatile_values_are_compared_by_the_rules() -> None:
    one, two = ([with_data(EVENTS[1], output={"took_ms": ms})] for ms in (1, 2))
    assert compare(one, two) == []
    assert [d["path"] for d in compare(one, two, NO_RULES)] == [".data.output.took_ms"]
    rules = Rules.of([".data.output.took_ms: strip"], base="none")
    assert compare(one, two, rules) == []


def test_times_are_compared_on_demand_and_of_the_events_both_have() -> None:
    got = [replace(event, timestamp="2030-01-01T00:00:00.000Z") for event in EVENTS]
    found = compare(EVENTS, got, ignore_timestamps=False)
    assert [(d["type"], d["index"], d["path"]) for d in found] == [
        ("timestamp_changed", index, ".timestamp") for index in range(len(EVENTS))
    ]
    inserted = [EVENTS[0], with_data(EVENTS[1], step_id="new", output=[1, 2]), *EVENTS[1:]]
    found = compare(EVENTS, inserted, ignore_timestamps=False)
    assert [(d["type"], d["index"]) for d in found] == [("event_added", 1)]


def test_every_type_is_in_the_documented_set() -> None:
    got = [EVENTS[0], with_data(EVENTS[3], extra=1), with_data(EVENTS[2], output=[]), EVENTS[5]]
    for found in (
        compare(EVENTS, got, ignore_timestamps=False),
        compare(got, EVENTS, ignore_timestamps=False),
    ):
        assert found
        assert {entry["type"] for entry in found} <= set(DIFF_TYPES)


# values


def values(expected: Content, got: Content) -> list[str]:
    return [entry["type"] for entry in compare_contents(expected, got, DEFAULT_RULES)]


def test_values_have_no_index() -> None:
    found = compare_contents(Content({"a": [1, 2]}), Content({"a": [1]}), DEFAULT_RULES)
    assert found == [
        {"type": "value_missing", "path": ".a[1]", "cause": "value", "expected": 2},
    ]


def test_hashes_stand_for_values_that_were_not_kept() -> None:
    kept = Content(canonicalize(PLAN).hash and PLAN)
    only_hash = Content(hash=canonicalize(PLAN).hash)
    assert values(only_hash, only_hash) == []
    assert values(kept, only_hash) == values(only_hash, kept) == []
    assert values(only_hash, Content({**PLAN, "cost": 2})) == ["value_changed"]
    assert values(only_hash, Content(hash="0" * 64)) == ["value_changed"]


def test_a_run_and_a_value_cannot_be_compared() -> None:
    for left, right in ((Content(events=()), Content(1)), (Content(1), Content(events=()))):
        with pytest.raises(UsageError, match="cannot be compared"):
            diff_contents(left, right, DEFAULT_RULES)


# files


def test_files_of_either_form_are_compared(tmp_path: Path) -> None:
    recorder = GoldenRecorder(tmp_path, secret=SECRET)
    (tmp_path / "new.golden.json").write_bytes(value_golden())
    (tmp_path / "hash.golden.json").write_bytes(value_golden(hash_only=True))
    (tmp_path / "old.json").write_bytes(legacy_golden())
    (tmp_path / "other.golden.json").write_bytes(value_golden({**PLAN, "cost": 2}))
    same = {"match": True, "diffs": []}
    assert recorder.compare_golden("new.golden.json", "old.json") == same
    assert recorder.compare_golden("hash.golden.json", "new.golden.json") == same
    found = recorder.compare_golden(actual="other.golden.json", expected="new.golden.json")
    assert not found["match"]
    assert (found["diffs"][0]["expected"], found["diffs"][0]["got"]) == (1.25e-07, 2)
    assert not recorder.compare_golden("other.golden.json", "hash.golden.json")["match"]


def test_a_damaged_file_is_not_compared(tmp_path: Path) -> None:
    recorder = GoldenRecorder(tmp_path, secret=SECRET)
    path = record_run(tmp_path)
    (tmp_path / "b.steps.jsonl").write_bytes(
        path.read_bytes().replace(b'"answer":3', b'"answer":4')
    )
    with pytest.raises(GoldenFileError, match="edited"):
        recorder.compare_golden("b.steps.jsonl", path)

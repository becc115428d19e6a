"""Older goldens in their current form: nothing is lost, and the old signature counts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.golden_samples import (
    OTHER_RING,
    PLAN,
    RING,
    legacy_golden,
    run_golden,
    value_golden,
)

from aos_workflow.errors import GoldenFileError
from aos_workflow.golden import DEFAULT_RULES, Policy, content_hash
from aos_workflow.golden.migrate import UNKNOWN_STATUS, UNKNOWN_TIME, Migrated, migrate
from aos_workflow.golden.run_golden import parse_run_golden
from aos_workflow.golden.value_golden import parse_value_golden

ORIGIN = {"recorded_at": "2026-06-01T00:00:00.000Z", "tool": "tests 1"}


def lifted(value: dict[str, Any], file: str = "folder/plan.json", **options: Any) -> Migrated:
    found = migrate(legacy_golden(value), file=file, provenance=ORIGIN, ring=RING, **options)
    assert found is not None
    return found


def events_of(value: dict[str, Any]) -> list[dict[str, Any]]:
    found = lifted(value)
    assert found.form == "run"
    golden = parse_run_golden(found.data, file="f", ring=RING, policy=Policy.REQUIRE)
    assert [event.index for event in golden.events] == list(range(len(golden.events)))
    return [event.to_json() for event in golden.events]


@pytest.mark.parametrize(
    ("name", "data"), [("a.golden.json", value_golden()), ("a.json", value_golden()), ("a.steps.jsonl", run_golden())]
)  # fmt: skip
def test_the_current_form_needs_no_lifting(name: str, data: bytes) -> None:
    assert migrate(data, file=name, provenance=ORIGIN) is None


def test_a_value_is_lifted_as_it_is() -> None:
    found = lifted({**PLAN, "seed": 9})
    assert (found.name, found.form, found.signature) == ("plan.golden.json", "value", "valid")
    golden = parse_value_golden(found.data, file="f", ring=RING, policy=Policy.REQUIRE)
    assert golden.value == {**PLAN, "seed": 9}
    assert (golden.key, golden.seed, golden.hash) == ("plan", 9, found.hash)
    assert golden.provenance["migrated_from"] == "plan.json"
    assert golden.provenance["migrated_at"] == ORIGIN["recorded_at"]
    assert "recorded_at" not in golden.provenance


def test_lifting_is_deterministic() -> None:
    assert lifted(PLAN) == lifted(dict(reversed(PLAN.items())))


def test_the_old_signature_must_be_right_where_its_key_is_at_hand() -> None:
    with pytest.raises(GoldenFileError) as caught:
        migrate(legacy_golden(), file="f.json", provenance=ORIGIN, ring=OTHER_RING)
    assert caught.value.code == "TAMPER_DETECTED"
    found = migrate(legacy_golden(), file="f.json", provenance=ORIGIN)
    assert found is not None
    assert found.signature == "unknown-key"
    with pytest.raises(GoldenFileError) as caught:
        migrate(b'{"a": 1}', file="f.json", provenance=ORIGIN)
    assert caught.value.code == "GOLDEN_UNSIGNED"


# runs


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ({"steps": [{"output": 1}]}, "run"),
        ({"steps": [{"output_hash": "a"}, {"output": 1}]}, "run"),
        ({"steps": [{"name": "x"}], "run_id": "r"}, "run"),
        ({"steps": [{"name": "x"}], "workflow_id": "w"}, "run"),
        ({"steps": [{"name": "x"}]}, "value"),
        ({"steps": [{"output": 1}, 5]}, "value"),
        ({"steps": [], "run_id": "r"}, "value"),
        ({"steps": {"a": {"output": 1}}}, "value"),
        ({"events": [{"event_type": "x"}]}, "run"),
        ({"events": [{"type": "click"}]}, "value"),
        ({"events": [{"type": "click"}], "run_id": "r"}, "run"),
        ({"events": [{"event_type": "golden_seal"}]}, "value"),
        ({"events": [{"event_type": 5}]}, "value"),
        ({"events": []}, "value"),
    ],
)
def test_what_counts_as_a_run(value: dict[str, Any], form: str) -> None:
    assert lifted(value).form == form


def test_steps_become_events_between_a_start_and_an_end() -> None:
    found = lifted(
        {
            "run_id": "run-9",
            "spec_id": "refund",
            "seed": 42,
            "status": "failed",
            "created_at": "2025-12-01T00:00:00Z",
            "cost": {"usd": 3},
            "steps": [
                {"name": "plan", "output": {"took_ms": 5}, "timestamp": "2025-12-01T00:00:01Z"},
                {"step_id": "act", "index": 7, "output": None, "output_hash": "ab", "error": "E1"},
            ],
        },
        file="x/run-9.json",
    )
    assert found.name == "run-9.steps.jsonl"
    events = [e.to_json() for e in parse_run_golden(found.data, file="f").events]
    assert [(e["event_type"], e["timestamp"], e["run_id"]) for e in events] == [
        ("run_start", "2025-12-01T00:00:00Z", "run-9"),
        ("step", "2025-12-01T00:00:01Z", "run-9"),
        ("step", "2025-12-01T00:00:00Z", "run-9"),
        ("run_end", "2025-12-01T00:00:00Z", "run-9"),
    ]
    start, plan, act, end = (event["data"] for event in events)
    assert start == {
        "spec_id": "refund",
        "seed": 42,
        "budget_snapshot": {},
        "status": "failed",
        "created_at": "2025-12-01T00:00:00Z",
        "cost": {"usd": 3},
    }
    assert plan == {
        "index": 0,
        "step_id": "plan",
        "name": "plan",
        "output": {"took_ms": 5},
        "output_hash": content_hash({"took_ms": 5}, DEFAULT_RULES),
        "timestamp": "2025-12-01T00:00:01Z",
    }
    assert (act["index"], act["step_id"], act["output_hash"], act["error"]) == (
        7,
        "act",
        "ab",
        "E1",
    )
    assert end == {"status": "failed"}


def test_what_is_not_known_is_said_to_be() -> None:
    start, step, end = events_of({"steps": [{"output": 1}]})
    assert (start["run_id"], start["timestamp"]) == ("plan", UNKNOWN_TIME)
    assert start["data"] == {"spec_id": "plan", "seed": None, "budget_snapshot": {}}
    assert step["data"]["step_id"] == "step-0"
    assert end["data"] == {"status": UNKNOWN_STATUS}


def test_events_keep_their_data_and_their_own_start_and_end() -> None:
    events = events_of(
        {
            "run_id": "r",
            "team": "x",
            "events": [
                {"event_type": "run_start", "index": 0, "run_id": "r", "data": {"seed": 5, "spec_id": "s"}},
                {"event_type": "step", "index": 1, "timestamp": "t1", "data": {"step_id": "a", "output": 1}},
                {"event_type": "run_end", "timestamp": 12.5, "data": {"status": "completed"}},
            ],
        }
    )  # fmt: skip
    assert [event["event_type"] for event in events] == ["run_start", "step", "run_end"]
    assert events[0]["data"] == {"seed": 5, "spec_id": "s", "team": "x"}
    assert events[1]["timestamp"] == "t1"
    assert events[1]["data"]["index"] == 0
    assert events[2]["data"] == {"status": "completed", "timestamp": 12.5}


def test_a_field_whose_name_is_taken_is_kept_beside() -> None:
    events = events_of(
        {
            "run_id": 17,
            "seed": 1,
            "events": [
                {"event_type": "run_start", "data": {"seed": 2, "legacy": "x"}, "note": "n"},
                {"event_type": "step", "data": "text", "step_id": "a", "run_id": "another"},
            ],
        }
    )
    assert events[0]["data"] == {
        "seed": 2,
        "note": "n",
        "run_id": 17,
        "legacy": {"seed": 1, "legacy": "x"},
    }
    assert events[1]["data"]["data"] == "text"
    assert events[1]["data"]["run_id"] == "another"


@pytest.mark.parametrize("key", ["events", "steps"])
def test_nothing_is_lost(key: str) -> None:
    """Every scalar of the older golden is in the new one."""
    item = {"event_type": "step", "data": {"x": "in data", "deep": [{"y": "deep"}]}, "z": "beside"}
    value = {
        "run_id": "r",
        "spec_id": "s",
        "owner": "header",
        "n": [1, {"m": "inner"}],
        key: [item],
    }
    text = json.dumps(events_of(value))
    for scalar in ("in data", "deep", "beside", "header", "inner"):
        assert f'"{scalar}"' in text

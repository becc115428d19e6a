"""What differs between two goldens, as the runbooks read it: ``type`` and ``index`` first, then path and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aos_workflow.golden.canonical import canonical_json
from aos_workflow.golden.diff import Entry, diff
from aos_workflow.golden.paths import format_path
from aos_workflow.golden.rules import Rules
from aos_workflow.golden.run_golden import Event
from aos_workflow.golden.strict_json import loads

__all__ = ["DIFF_TYPES", "compare_events", "compare_values"]

DIFF_TYPES = (
    "event_missing",
    "event_added",
    "events_reordered",
    "value_missing",
    "value_added",
    "value_changed",
    "type_changed",
    "list_reordered",
    "timestamp_changed",
)
"""Every ``type`` that a difference can have."""

_VALUE_TYPES = {
    "added": "value_added",
    "removed": "value_missing",
    "changed": "value_changed",
    "type_changed": "type_changed",
    "reordered": "list_reordered",
}
_EVENT_TYPES = {"added": "event_added", "removed": "event_missing"}


def compare_events(
    expected: Sequence[Event],
    got: Sequence[Event],
    rules: Rules,
    *,
    ignore_timestamps: bool = True,
) -> list[dict[str, Any]]:
    """The differences of two runs, aligned by what the events are and not by where they stand.

    ``index`` is the event's in ``expected``, or in ``got`` for an added one.
    """
    found = diff([_content(e, rules) for e in expected], [_content(e, rules) for e in got])
    diffs = [_event_entry(entry) for entry in found.entries]
    if not ignore_timestamps:
        diffs += [
            {
                "type": "timestamp_changed",
                "index": left.index,
                "path": ".timestamp",
                "expected": left.timestamp,
                "got": right.timestamp,
            }
            for left, right in zip(expected, got, strict=False)
            if left.timestamp != right.timestamp
        ]
    return diffs


def compare_values(expected: Any, got: Any, rules: Rules) -> list[dict[str, Any]]:
    """The differences of two values under the rules."""
    found = diff(_plain(expected, rules), _plain(got, rules))
    return [{"type": _VALUE_TYPES[entry.kind], **_details(entry)} for entry in found.entries]


def _content(event: Event, rules: Rules) -> dict[str, Any]:
    """An event without what follows from the rest: its place in the run, and the hash of an output that is there."""
    data = _plain(event.data, rules)
    content = {"event_type": event.event_type, "data": data}
    if event.event_type == "step":
        data.pop("index", None)
        content["step_id"] = data.pop("step_id", None)
        if data.get("output") is not None:
            data.pop("output_hash", None)
    return content


def _plain(value: Any, rules: Rules) -> Any:
    return loads(canonical_json(value, rules).text)


def _event_entry(entry: Entry) -> dict[str, Any]:
    """An entry of the list of events: its first step is the event, the rest is the place in it."""
    details = _details(entry)
    if not entry.path:
        return {"type": "events_reordered", **details}
    index, *inside = entry.path
    if not inside:
        return {"type": _EVENT_TYPES.get(entry.kind, "value_changed"), "index": index, **details}
    details["path"] = format_path(inside)
    return {"type": _VALUE_TYPES[entry.kind], "index": index, **details}


def _details(entry: Entry) -> dict[str, Any]:
    return {
        name: item for name, item in entry.to_json().items() if name not in ("kind", "got_path")
    }

"""What differs between two goldens, as the runbooks read it: ``type`` and ``index`` first, then path and values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aos_workflow.errors import UsageError
from aos_workflow.golden.canonical import canonical_json
from aos_workflow.golden.diff import Diff, Entry, diff
from aos_workflow.golden.files import AnyGolden
from aos_workflow.golden.paths import format_path
from aos_workflow.golden.rules import Rules
from aos_workflow.golden.run_golden import Event, RunGolden
from aos_workflow.golden.strict_json import loads
from aos_workflow.golden.value_golden import ValueGolden

__all__ = ["DIFF_TYPES", "Content", "compare_contents", "content_of_golden", "diff_contents"]

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


@dataclass(frozen=True, slots=True)
class Content:
    """What is compared of a file: the events of a run, a value, or the hash if nothing else was kept."""

    value: Any = None
    events: tuple[Event, ...] | None = None
    hash: str | None = None


def content_of_golden(golden: AnyGolden) -> Content:
    """What is compared of a golden."""
    if isinstance(golden, RunGolden):
        return Content(events=golden.events)
    if isinstance(golden, ValueGolden) and golden.kind == "hash":
        return Content(hash=golden.hash)
    return Content(golden.value)


def diff_contents(expected: Content, got: Content, rules: Rules) -> Diff:
    """The differences under the rules. Of runs, a path begins with the index of the event in the run.

    Events are aligned by what they are and not by where they stand; run ids and timestamps are not compared. The
    selector of a rule begins in the event, as in ``.data.output.took_ms``.

    Raises:
        UsageError: a run and a value.
    """
    if expected.events is not None and got.events is not None:
        return diff(
            [_content(event, rules) for event in expected.events],
            [_content(event, rules) for event in got.events],
        )
    if expected.events is not None or got.events is not None:
        raise UsageError(
            "one is a run and the other a value: they cannot be compared",
            hint="compare two *.steps.jsonl, or two *.json",
        )
    if expected.hash is not None or got.hash is not None:
        return diff(_hash(expected, rules), _hash(got, rules))
    return diff(_plain(expected.value, rules), _plain(got.value, rules))


def compare_contents(
    expected: Content, got: Content, rules: Rules, *, ignore_timestamps: bool = True
) -> list[dict[str, Any]]:
    """:func:`diff_contents` as JSON data: ``type``, for runs ``index``, then ``path``, ``expected``, ``got``.

    ``index`` is the event's in ``expected``, or in ``got`` for an added one.
    """
    found = diff_contents(expected, got, rules)
    if expected.events is None or got.events is None:
        return [{"type": _VALUE_TYPES[entry.kind], **_details(entry)} for entry in found.entries]
    diffs = [_event_entry(entry) for entry in found.entries]
    if not ignore_timestamps:
        diffs += _timestamps(expected.events, got.events, found)
    return diffs


def _content(event: Event, rules: Rules) -> dict[str, Any]:
    """An event without what follows from the rest: its place in the run, and the hash of an output that is there."""
    content: dict[str, Any] = _plain({"data": event.data, "event_type": event.event_type}, rules)
    if event.event_type == "step" and isinstance(content.get("data"), dict):
        data = content["data"]
        data.pop("index", None)
        content["step_id"] = data.pop("step_id", None)
        if data.get("output") is not None:
            data.pop("output_hash", None)
    return content


def _plain(value: Any, rules: Rules) -> Any:
    return loads(canonical_json(value, rules).text)


def _hash(content: Content, rules: Rules) -> str:
    found = content.hash or canonical_json(content.value, rules).hash
    return f"<sha256:{found}>"


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


def _timestamps(
    expected: Sequence[Event], got: Sequence[Event], found: Diff
) -> Iterator[dict[str, Any]]:
    """Differing times of the events that both runs have."""
    whole = [(entry.path[0], entry.kind) for entry in found.entries if len(entry.path) == 1]
    missing = {index for index, kind in whole if kind == "removed"}
    added = {index for index, kind in whole if kind == "added"}
    left = [event for at, event in enumerate(expected) if at not in missing]
    right = [event for at, event in enumerate(got) if at not in added]
    for ours, theirs in zip(left, right, strict=False):
        if ours.timestamp != theirs.timestamp:
            yield {
                "type": "timestamp_changed",
                "index": ours.index,
                "path": ".timestamp",
                "expected": ours.timestamp,
                "got": theirs.timestamp,
            }

"""Lifting older goldens to the current form.

There is one older form so far: a JSON object with an inner ``signature``. If it tells of a run it becomes a
``.steps.jsonl``, otherwise a ``.golden.json``. A run has a list of ``events`` with an ``event_type``, or of ``steps``
with an ``output``, or either and a ``run_id``, ``spec_id`` or ``workflow_id``; a plan with steps is a value. Nothing is
lost: what has no place of its own in the new form goes into the data of the event that it belonged to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Literal, TypeGuard

from aos_workflow.golden.canonical import canonicalize, content_hash
from aos_workflow.golden.files import form_in
from aos_workflow.golden.hashing import CHAIN_START
from aos_workflow.golden.keys import KeyRing
from aos_workflow.golden.legacy_golden import LegacyGolden, parse_legacy_golden
from aos_workflow.golden.rules import DEFAULT_RULES, NO_RULES
from aos_workflow.golden.run_golden import (
    RUN_SUFFIX,
    TRAILER,
    Event,
    parse_run_golden,
    render_event,
    render_trailer,
)
from aos_workflow.golden.sealing import Policy, Signature
from aos_workflow.golden.value_golden import VALUE_SUFFIX, render_value_golden

__all__ = ["UNKNOWN_STATUS", "UNKNOWN_TIME", "Migrated", "migrate"]

UNKNOWN_TIME = "1970-01-01T00:00:00.000Z"
"""The timestamp of an event of which the older form kept none."""
UNKNOWN_STATUS = "unknown"
"""The status in ``run_end`` of a run whose older golden named none."""

_RUN_NAMES = ("run_id", "spec_id", "workflow_id")
_EXTRAS = "legacy"
"""Where an event's data keeps a field whose name is taken."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """A golden in the current form: file name, content, content hash, and what the older signature was worth."""

    name: str
    form: Literal["value", "run"]
    data: bytes
    hash: str
    signature: Signature


def migrate(
    data: bytes, *, file: str, ring: KeyRing | None = None, provenance: Mapping[str, Any]
) -> Migrated | None:
    """The golden in ``data`` in its current form, or ``None`` if that is the form it has.

    With a ``ring`` the older signature must be valid, and the new golden is signed. ``provenance`` is that of the
    migration. A value is lifted as it is, without volatile rules; a run's are only applied to its content hash.

    Raises:
        GoldenFileError: not a golden, damaged, or not signed with a key of the ring.
        CanonicalError: the content has no canonical form.
    """
    path = PurePath(file)
    if form_in(data, path) != "legacy":
        return None
    policy = Policy.REQUIRE if ring is not None else Policy.INTEGRITY
    golden = parse_legacy_golden(data, file=file, ring=ring, policy=policy)
    origin = {**provenance, "migrated_from": path.name}
    if "recorded_at" in origin:
        origin["migrated_at"] = origin.pop("recorded_at")
    stem = path.name.removesuffix(".json")
    if _list_of_run(golden.value):
        return _lift_run(golden, stem, ring, origin)
    return _lift_value(golden, stem, ring, origin)


def _lift_value(
    golden: LegacyGolden, stem: str, ring: KeyRing | None, origin: Mapping[str, Any]
) -> Migrated:
    canonical = canonicalize(golden.value, NO_RULES)
    seed = golden.value.get("seed")
    data = render_value_golden(
        canonical,
        key=stem,
        seed=seed if type(seed) is int else 0,
        provenance=origin,
        ring=ring,
    )
    return Migrated(stem + VALUE_SUFFIX, "value", data, canonical.hash, golden.signature)


def _lift_run(
    golden: LegacyGolden, stem: str, ring: KeyRing | None, origin: Mapping[str, Any]
) -> Migrated:
    lines, chain = [], CHAIN_START
    events = _events(golden.value, stem)
    for event in events:
        line, chain = render_event(event, chain)
        lines.append(line)
    trailer = render_trailer(events, chain, provenance=origin, ring=ring)
    name = stem + RUN_SUFFIX
    data = b"".join([*lines, trailer])
    lifted = parse_run_golden(data, file=name, ring=ring)
    return Migrated(name, "run", data, lifted.hash, golden.signature)


def _list_of_run(value: Mapping[str, Any]) -> Literal["events", "steps"] | None:
    """Under which key a document keeps a run, if it does."""
    is_named = any(isinstance(value.get(name), str) for name in _RUN_NAMES)
    events, steps = value.get("events"), value.get("steps")
    if _is_objects(events) and all(map(_type_of, events)):
        return "events" if is_named or all("event_type" in item for item in events) else None
    if _is_objects(steps):
        has_output = all("output" in item or "output_hash" in item for item in steps)
        return "steps" if is_named or has_output else None
    return None


def _is_objects(items: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(items, list) and bool(items) and all(isinstance(item, dict) for item in items)


def _type_of(item: Mapping[str, Any]) -> str | None:
    found = item.get("event_type", item.get("type"))
    return found if isinstance(found, str) and found not in ("", TRAILER) else None


@dataclass
class _Run:
    """The events of a run, as they are put together."""

    run_id: str
    default_time: str
    events: list[Event] = field(default_factory=list)
    steps: int = 0

    def add(self, event_type: str, data: dict[str, Any], timestamp: Any = None) -> None:
        time = timestamp if isinstance(timestamp, str) and timestamp else self.default_time
        if event_type == "step":
            data = self._step(data)
        self.events.append(Event(event_type, self.run_id, len(self.events), time, data))

    def _step(self, data: dict[str, Any]) -> dict[str, Any]:
        """With the fields that every step has; a name that stood in another field is copied."""
        names = (data.get(name) for name in ("step_id", "id", "name"))
        name = next((name for name in names if isinstance(name, str)), f"step-{self.steps}")
        whole = {"index": self.steps, "step_id": name, "output": None, **data}
        whole.setdefault("output_hash", content_hash(whole["output"], DEFAULT_RULES))
        self.steps += 1
        return whole


def _events(value: Mapping[str, Any], stem: str) -> Sequence[Event]:
    """The run of a document: its own events, or one for each step, between a start and an end."""
    key = _list_of_run(value)
    assert key is not None
    header = {name: item for name, item in value.items() if name != key}
    run_id = header.pop("run_id", None)
    if not isinstance(run_id, str):
        header, run_id = _put({}, {**header, **({"run_id": run_id} if run_id else {})}), stem
    times = (header.get(name) for name in ("timestamp", "recorded_at", "created_at"))
    run = _Run(run_id, next((time for time in times if isinstance(time, str)), UNKNOWN_TIME))
    items: list[dict[str, Any]] = value[key]
    if key == "steps" or _type_of(items[0]) != "run_start":
        run.add("run_start", _start(header, stem))
        header = {}
    for item in items:
        event_type = "step" if key == "steps" else _type_of(item)
        assert event_type is not None
        data = dict(item) if key == "steps" else _data(item, len(run.events), run_id)
        if header and event_type == "run_start":
            data, header = _put(data, header), {}
        run.add(event_type, data, item.get("timestamp"))
    if run.events[-1].event_type != "run_end":
        run.add("run_end", {"status": value.get("status", UNKNOWN_STATUS)})
    return run.events


def _start(header: Mapping[str, Any], stem: str) -> dict[str, Any]:
    names = (header.get(name) for name in ("spec_id", "workflow_id", "workflow"))
    spec_id = next((name for name in names if isinstance(name, str)), stem)
    return {"spec_id": spec_id, "seed": None, "budget_snapshot": {}, **header}


def _data(item: Mapping[str, Any], position: int, run_id: str) -> dict[str, Any]:
    """The data of an older event, and every other field of it that says more than its place does."""
    implied = {"index": position, "run_id": run_id}
    rest = {
        name: field
        for name, field in item.items()
        if name not in ("data", "timestamp", "event_type" if "event_type" in item else "type")
        and not (name in implied and implied[name] == field)
    }
    if not isinstance(item.get("timestamp", ""), str):
        rest["timestamp"] = item["timestamp"]
    data = item.get("data", {})
    return _put(dict(data) if isinstance(data, dict) else {"data": data}, rest)


def _put(data: dict[str, Any], rest: Mapping[str, Any]) -> dict[str, Any]:
    """``data`` with the fields of ``rest``; those whose names are taken by something else go below ``legacy``."""
    taken = {name: item for name, item in rest.items() if name in data and data[name] != item}
    whole = {**rest, **data}
    if taken:
        whole[_EXTRAS] = {**taken, **({_EXTRAS: whole[_EXTRAS]} if _EXTRAS in whole else {})}
    return whole

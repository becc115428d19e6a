"""What is put side by side: the steps of a run and the events around them, or the parts of a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aos_workflow.golden.diff import exact_key

__all__ = ["Unit", "shortened", "units_of_events", "units_of_value"]

MAX_NAME = 120
"""Characters of a step's name in a message."""

STEP_LISTS = ("steps", "events")
"""Fields of a value under which the steps of a run stand."""
PATHS = ("step_path", "path", "step_id", "id", "name")
"""Fields that say which step it is, the most exact first."""
SKILLS = ("skill_id", "skill", "tool", "step_type", "type")
VERSIONS = ("skill_version", "version")
DERIVED = ("input_hash", "output_hash", "step_hash", "workflow_hash")
_PLACES = ("index", "step_path")  # what a step's position decides


@dataclass(frozen=True, slots=True)
class Unit:
    """A step, another event, or a value as a whole.

    ``identity`` is the lineage path where there is one, and never the position. ``value`` is what is compared,
    ``prefix`` leads to it in its document. ``derived`` are hashes that follow from the rest. ``key`` is equal for equal
    values.
    """

    place: int
    kind: str
    identity: str
    skill: str | None
    version: str | None
    value: Any
    prefix: tuple[str | int, ...]
    is_event: bool
    derived: Mapping[str, Any]
    key: bytes

    @property
    def title(self) -> str:
        """The unit as people call it, cut if it is long: ``step 2:score``."""
        name = shortened(self.identity)
        return name if name.startswith(self.kind) else f"{self.kind} {name}"

    @property
    def data(self) -> Any:
        """What the unit holds, without the envelope of an event."""
        return self.value["data"] if self.is_event else self.value


def shortened(name: str) -> str:
    """A name as messages have it."""
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


def units_of_events(
    events: Sequence[Mapping[str, Any]], holder: tuple[str | int, ...] | None = None
) -> tuple[Unit, ...]:
    """The units of events ``{"event_type", "data"}``; ``holder`` leads to their list, if a value holds it."""
    seen: Counter[str] = Counter()
    found = []
    for place, event in enumerate(events):
        data = event.get("data")
        prefix = () if holder is None else (*holder, place)
        found.append(_event(place, str(event["event_type"]), data, prefix, seen))
    return tuple(found)


def units_of_value(value: Any) -> tuple[Unit, ...]:
    """The units of a value: of one that holds events or steps these, and what stands beside them."""
    if _are_events(value):
        return units_of_events(value, ())
    field = next((name for name in STEP_LISTS if _holds_objects(value, name)), None)
    if field is None:
        return (_unit(0, "value", "value", value, (), is_event=False),)
    head = {name: item for name, item in value.items() if name != field}
    header = _unit(-1, "header", "header", head, (), is_event=False)
    items = value[field]
    if _are_events(items):
        return (header, *units_of_events(items, (field,)))
    seen: Counter[str] = Counter()
    steps = (
        _unit(place, "step", _named(item, seen), item, (field, place), is_event=False)
        for place, item in enumerate(items)
    )
    return (header, *steps)


def _are_events(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(item, dict) and isinstance(item.get("event_type"), str) for item in value
        )
    )


def _holds_objects(value: Any, field: str) -> bool:
    items = value.get(field) if isinstance(value, dict) else None
    return isinstance(items, list) and bool(items) and all(isinstance(item, dict) for item in items)


def _event(
    place: int, kind: str, data: Any, prefix: tuple[str | int, ...], seen: Counter[str]
) -> Unit:
    if kind == "step" and isinstance(data, dict):
        identity = _named(data, seen)
    elif kind in ("run_start", "run_end"):
        identity = kind
    else:
        seen[kind] += 1
        identity = f"{kind} {seen[kind]}"
    return _unit(place, kind, identity, data, prefix, is_event=True)


def _named(step: Mapping[str, Any], seen: Counter[str]) -> str:
    name = _text(step, PATHS) or "step"
    seen[name] += 1
    return name if seen[name] == 1 else f"{name} #{seen[name]}"


def _unit(
    place: int,
    kind: str,
    identity: str,
    data: Any,
    prefix: tuple[str | int, ...],
    *,
    is_event: bool,
) -> Unit:
    plain = data if isinstance(data, dict) and kind != "value" else {}
    derived = {field: plain[field] for field in DERIVED if _follows(plain, field)}
    if plain:
        left_out = {*derived, *(_PLACES if kind == "step" else ())}
        data = {name: item for name, item in plain.items() if name not in left_out}
    value = {"data": data} if is_event else data
    is_step = kind == "step"
    return Unit(
        place=place,
        kind=kind,
        identity=identity,
        skill=_text(plain, SKILLS) or _text(plain, ("step_id",)) if is_step else None,
        version=_text(plain, VERSIONS) if is_step else None,
        value=value,
        prefix=prefix,
        is_event=is_event,
        derived=derived,
        key=exact_key(value),
    )


def _follows(data: Mapping[str, Any], field: str) -> bool:
    """Whether the hash is over what stands beside it."""
    if field not in data:
        return False
    source = field.removesuffix("_hash")
    return source in ("step", "workflow") or data.get(source) is not None


def _text(data: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next(
        (data[name] for name in names if isinstance(data.get(name), str) and data[name]), None
    )

"""From references to values, before a step runs: typed, complete, or an error that says what was there instead."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, NoReturn

from aos_workflow.errors import UnresolvedReferenceError
from aos_workflow.golden.numbers import es6_number
from aos_workflow.golden.paths import format_path
from aos_workflow.spec.problems import Path, kind_of, meant, shown
from aos_workflow.spec.references import INPUTS, Reference, parse_key, parse_template

if TYPE_CHECKING:
    from aos_workflow.spec.models import StepSpec, WorkflowSpec

__all__ = [
    "is_wanted",
    "resolve",
    "resolve_idempotency_key",
    "resolve_inputs",
    "resolve_outputs",
]

_LISTED = 20
_MAX_BITS = 14_000
"""Python writes integers of up to 4,300 digits."""


def resolve(
    value: Any,
    outputs: Mapping[str, Any],
    inputs: Mapping[str, Any],
    *,
    skipped: Collection[str] = (),
    step_id: str = "",
    place: Path = (),
) -> Any:
    """The value with every reference replaced by what it names.

    ``outputs`` are those of the completed steps, ``inputs`` those of the run. ``step_id`` and ``place`` (the path of
    ``value`` within the step) only serve the errors. Objects and lists are new, also those that come out of
    ``outputs``: who changes the result changes nothing else.

    Raises:
        UnresolvedReferenceError: a reference to what is not there, or to an object or list inside other text;
            carries step, place, reference and what was there.
        ReferenceSyntaxError: a text that is no template; impossible in a checked spec.
    """
    return _Resolver(outputs, inputs, frozenset(skipped), step_id).value(value, place)


def resolve_inputs(
    step: StepSpec,
    outputs: Mapping[str, Any],
    inputs: Mapping[str, Any],
    *,
    skipped: Collection[str] = (),
) -> dict[str, Any]:
    """The inputs that a step's skill is called with. Raises as :func:`resolve`."""
    resolver = _Resolver(outputs, inputs, frozenset(skipped), step.step_id)
    return resolver.object(step.inputs, ("inputs",))


def is_wanted(
    step: StepSpec,
    outputs: Mapping[str, Any],
    inputs: Mapping[str, Any],
    *,
    skipped: Collection[str] = (),
) -> bool:
    """Whether the step's ``when`` lets it run. An optional reference that gives null means no.

    Raises:
        UnresolvedReferenceError: as :func:`resolve`, or the value is no boolean: nothing is guessed to be true.
    """
    if step.when is None:
        return True
    place = ("when",)
    found = resolve(step.when, outputs, inputs, skipped=skipped, step_id=step.step_id, place=place)
    if isinstance(found, bool):
        return found
    (reference,) = parse_template(step.when)
    assert isinstance(reference, Reference)
    if found is None and reference.optional:
        return False
    _fail(step.step_id, place, reference, f"is {kind_of(found)}, expected true or false")


def resolve_idempotency_key(
    step: StepSpec,
    outputs: Mapping[str, Any],
    inputs: Mapping[str, Any],
    *,
    skipped: Collection[str] = (),
) -> str | None:
    """The step's idempotency key with its references written out as text. Raises as :func:`resolve`."""
    if step.idempotency_key is None:
        return None
    resolver = _Resolver(outputs, inputs, frozenset(skipped), step.step_id)
    return resolver.text(parse_template(step.idempotency_key), ("idempotency_key",))


def resolve_outputs(
    spec: WorkflowSpec,
    outputs: Mapping[str, Any],
    inputs: Mapping[str, Any],
    *,
    skipped: Collection[str] = (),
) -> dict[str, Any]:
    """What the workflow hands back, after its last step. Raises as :func:`resolve`."""
    resolver = _Resolver(outputs, inputs, frozenset(skipped), "")
    return resolver.object(spec.outputs, ("outputs",))


@dataclass(frozen=True, slots=True)
class _Resolver:
    outputs: Mapping[str, Any]
    inputs: Mapping[str, Any]
    skipped: frozenset[str]
    step_id: str

    def value(self, value: Any, place: Path) -> Any:
        if isinstance(value, str):
            return self._template(value, place) if "${" in value else value
        if isinstance(value, Mapping):
            return self.object(value, place)
        if isinstance(value, (list, tuple)):
            return [self.value(item, (*place, index)) for index, item in enumerate(value)]
        return value

    def object(self, value: Mapping[str, Any], place: Path) -> dict[str, Any]:
        return {parse_key(key): self.value(item, (*place, key)) for key, item in value.items()}

    def text(self, parts: Sequence[str | Reference], place: Path) -> str:
        return "".join(
            part if isinstance(part, str) else self._spelled(part, place) for part in parts
        )

    def _template(self, text: str, place: Path) -> Any:
        parts = parse_template(text)
        if len(parts) == 1 and isinstance(parts[0], Reference):
            return _copy(self._lookup(parts[0], place))
        return self.text(parts, place)

    def _spelled(self, reference: Reference, place: Path) -> str:
        """A scalar as it stands inside text: text as it is, everything else as canonical JSON."""
        match self._lookup(reference, place):
            case str() as found:
                return found
            case None:
                return "null"
            case bool() as found:
                return "true" if found else "false"
            case int() as found if found.bit_length() <= _MAX_BITS:
                return str(found)
            case float() as found if isfinite(found):
                return es6_number(found)
            case int() | float():
                what = "is a number that JSON text cannot hold, or of thousands of digits"
            case found:
                what = f"is {kind_of(found)}; inside text, only a scalar has a spelling"
        _fail(self.step_id, place, reference, what)

    def _lookup(self, reference: Reference, place: Path) -> Any:
        found = self._source(reference, place)
        if found is _NOTHING:
            return None
        for depth, part in enumerate(reference.path):
            below = _child(found, part)
            if below is not _NOTHING:
                found = below
            elif depth == 0 and _may_be_absent(reference):
                return None
            else:
                self._fail_below(reference, place, depth, found)
        return found

    def _source(self, reference: Reference, place: Path) -> Any:
        source = reference.source
        if source == INPUTS:
            return self.inputs
        if source in self.skipped:
            if reference.optional:
                return _NOTHING
            _fail(
                self.step_id,
                place,
                reference,
                f"step {source!r} was skipped and has no output",
                hint=f'write "{Reference(source, reference.path, True)}" to get null instead',
            )
        if source in self.outputs:
            return self.outputs[source]
        known = tuple(self.outputs)
        what = f"step {source!r} has no output{meant(source, known)}"
        _fail(self.step_id, place, reference, what, known, "completed steps")

    def _fail_below(self, reference: Reference, place: Path, depth: int, found: Any) -> NoReturn:
        above = Reference(reference.source, reference.path[:depth])
        part = reference.path[depth]
        if isinstance(part, str) and isinstance(found, Mapping):
            keys = tuple(map(str, found))
            what = f"{above} has no key {shown(part)}{meant(part, keys)}"
            _fail(self.step_id, place, reference, what, keys, "its keys")
        if isinstance(part, int) and isinstance(found, (list, tuple)):
            what = f"{above} has {len(found):,} items, so no index {part}"
            _fail(self.step_id, place, reference, what)
        wanted = f"key {shown(part)}" if isinstance(part, str) else f"index {part}"
        _fail(self.step_id, place, reference, f"{above} is {kind_of(found)}, so has no {wanted}")


_NOTHING = object()


def _may_be_absent(reference: Reference) -> bool:
    """Whether it is an optional reference to one input by its name."""
    is_named = isinstance(reference.path[0], str)
    return reference.optional and reference.source == INPUTS and is_named


def _child(value: Any, part: str | int) -> Any:
    """What one key or index down is there, or ``_NOTHING``."""
    if isinstance(part, str):
        return value[part] if isinstance(value, Mapping) and part in value else _NOTHING
    is_inside = isinstance(value, (list, tuple)) and -len(value) <= part < len(value)
    return value[part] if is_inside else _NOTHING


def _copy(value: Any) -> Any:
    """New containers, the same leaves."""
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copy(item) for item in value]
    return value


def _fail(
    step_id: str,
    place: Path,
    reference: Reference,
    what: str,
    available: tuple[str, ...] = (),
    heading: str = "",
    *,
    hint: str | None = None,
) -> NoReturn:
    where = f"step {step_id!r}, {format_path(place)}" if step_id else format_path(place)
    listed = ", ".join(map(shown, available[:_LISTED])) or "none"
    more = f" and {len(available) - _LISTED:,} more" if len(available) > _LISTED else ""
    there = f" ({heading}: {listed}{more})" if heading else ""
    raise UnresolvedReferenceError(
        f"{where}: {reference}: {what}{there}",
        step_id=step_id,
        place=format_path(place),
        reference=str(reference),
        available=available[:_LISTED],
        hint=hint,
    )

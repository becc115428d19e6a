"""The kinds of value that a declared input can have, and what of a value does not fit its declaration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeGuard

from aos_workflow.spec.problems import Finding, Path, kind_of, meant, shown

if TYPE_CHECKING:
    from aos_workflow.spec.models import InputSpec

__all__ = ["KIND_OF_TYPE", "Kind", "is_number", "misfits", "object_misfits", "with_defaults"]

Kind: TypeAlias = Literal["any", "string", "integer", "number", "boolean", "object", "array"]

KIND_OF_TYPE: dict[object, Kind] = {
    Any: "any",
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
}
"""How a Python author may write a kind."""

_WORDS: dict[Kind, str] = {
    "any": "any value",
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
}


def misfits(declared: InputSpec, value: Any, path: Path) -> Iterator[Finding]:
    """Everything in a value that is not as declared. ``true`` is no integer, and neither is ``1.0``.

    No message shows the value: what a run is given may be a secret.
    """
    if value is None and declared.allows_null:
        return
    if not _is_of(declared.type, value):
        yield Finding(path, "wrong-type", f"expected {_WORDS[declared.type]}, got {kind_of(value)}")
        return
    if declared.enum is not None and not any(_is_same(value, item) for item in declared.enum):
        allowed = ", ".join(map(shown, declared.enum))
        yield Finding(path, "bad-value", f"expected one of {allowed}")
    if declared.items is not None:
        for index, item in enumerate(value):
            yield from misfits(declared.items, item, (*path, index))
    if declared.properties is not None:
        yield from object_misfits(declared.properties, value, path)


def object_misfits(
    declared: Mapping[str, InputSpec], value: Mapping[str, Any], path: Path
) -> Iterator[Finding]:
    """As :func:`misfits`, for an object with these declared keys and no others."""
    for key, item in value.items():
        if key in declared:
            yield from misfits(declared[key], item, (*path, key))
        else:
            message = f"{shown(key)} is not declared{meant(key, declared)}"
            yield Finding((*path, key), "unknown-input", message, at_key=True)
    for key, below in declared.items():
        if below.is_required and key not in value:
            yield Finding(path, "missing-input", f"{shown(key)} is missing ({_WORDS[below.type]})")


def with_defaults(declared: Mapping[str, InputSpec], value: Mapping[str, Any]) -> dict[str, Any]:
    """An object that fits, with the declared keys that it leaves out. New containers wherever something is declared."""
    filled = {key: _filled(declared[key], item) for key, item in value.items()}
    for key, below in declared.items():
        if key not in filled:
            filled[key] = below.default
    return filled


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a finite number; a boolean is none."""
    if isinstance(value, float):
        return isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _filled(declared: InputSpec, value: Any) -> Any:
    if declared.properties is not None and value is not None:
        return with_defaults(declared.properties, value)
    if declared.items is not None and value is not None:
        return [_filled(declared.items, item) for item in value]
    return value


def _is_of(kind: Kind, value: Any) -> bool:
    match kind:
        case "any":
            return True
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return is_number(value)
        case "boolean":
            return isinstance(value, bool)
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)


def _is_same(one: Any, other: Any) -> bool:
    """Equal as JSON: ``1`` is ``1.0``, but ``true`` is not ``1``, at any depth."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    return bool(one == other)

"""Python values as JSON values, by one documented spelling each; everything else is an error with its path.

========================================  =====================================================================
Python                                    JSON
========================================  =====================================================================
None, bool, int, float, str, list, dict   themselves (subclasses too)
tuple, named tuple, deque, generator-less array (a named tuple too: its field names are not part of its value)
set, frozenset                            ``{"$aos.set": [...]}``, items in the order of their canonical text
bytes, bytearray, memoryview              ``{"$aos.bytes": {"length": n, "sha256": "..."}}``
dataclass, pydantic model, attrs class    object of its fields
Enum                                      its value
Decimal, UUID, pathlib paths              text: ``str(x)``; paths with forward slashes
datetime, date, time                      ISO 8601 text, the offset as it is, UTC as ``Z``
timedelta                                 ISO 8601 duration in seconds: ``PT90.5S``
numpy scalar, array                       the number; ``{"$aos.ndarray": {"data": ..., "dtype": ..., "shape": ...}}``
pandas Series, DataFrame, Timestamp       ``{"$aos.series": ...}``, ``{"$aos.dataframe": ...}``, ISO 8601 text
========================================  =====================================================================

Nothing is imported for this: a value can only be of a type whose module is loaded already.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import sys
from collections import deque
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from aos_workflow.errors import (
    DepthError,
    KeySpellingError,
    NonFiniteNumberError,
    ReservedKeyError,
    TextEncodingError,
    UnsupportedTypeError,
)
from aos_workflow.golden.limits import MAX_DEPTH
from aos_workflow.golden.paths import format_path

__all__ = ["RESERVED_PREFIX", "Adapter", "adapt"]

RESERVED_PREFIX = "$aos."

Adapter = Callable[[Any], Any]
"""A user's spelling for own types: returns another value, or ``NotImplemented`` to leave it to us."""


def adapt(
    value: Any,
    *,
    spell_keys: bool = False,
    custom: Adapter | None = None,
    encode: Callable[[Any], bytes],
) -> Any:
    """A copy of ``value`` made of dict, list, str, int, float, bool and None only.

    ``spell_keys`` writes integer, boolean and null keys as JSON spells them; ``encode`` gives the canonical text by
    which the items of a set are ordered.

    Raises:
        CanonicalError: one of its subclasses, with the path of the first value that has no spelling.
    """
    return _Adaptation(spell_keys, custom, encode).value(value, [])


@dataclasses.dataclass
class _Adaptation:
    spell_keys: bool
    custom: Adapter | None
    encode: Callable[[Any], bytes]
    open: set[int] = dataclasses.field(default_factory=set)
    """Ids of the containers we are inside of: meeting one again is a cycle."""

    def value(self, value: Any, path: list[str | int]) -> Any:
        if self.custom is not None:
            replaced = self.custom(value)
            if replaced is not NotImplemented:
                value = replaced
        kind = type(value)
        if value is None or kind is bool or kind is int:
            return value
        if isinstance(value, Enum):
            return self.value(value.value, path)
        if isinstance(value, str):
            return self._text(str.__str__(value), path)
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return self._float(float(value), path)
        if id(value) in self.open:
            raise DepthError(f"{_at(path)}: the value contains itself", path=format_path(path))
        if len(path) >= MAX_DEPTH:
            where = format_path(path[:6])
            raise DepthError(
                f"nested deeper than {MAX_DEPTH} levels, below {where}",
                path=where,
                hint="record a part of the value, or a flat form of it",
            )
        self.open.add(id(value))
        try:
            return self._container(value, path)
        finally:
            self.open.discard(id(value))

    def _container(self, value: Any, path: list[str | int]) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(value, path)
        if isinstance(value, (list, tuple, deque)):
            return [self.value(item, [*path, i]) for i, item in enumerate(value)]
        if isinstance(value, (set, frozenset)):
            items = [self.value(item, [*path, f"{RESERVED_PREFIX}set"]) for item in value]
            return {f"{RESERVED_PREFIX}set": sorted(items, key=self.encode)}
        if isinstance(value, (bytes, bytearray, memoryview)):
            return _bytes(bytes(value))
        spelled = _scalar_text(value)
        if spelled is not None:
            return self._text(spelled, path)
        fields = _fields(value)
        if fields is not None:
            return {name: self.value(item, [*path, name]) for name, item in fields.items()}
        known = _array(value)
        if known is not None:
            return self._tagged(known, path)
        raise UnsupportedTypeError(
            f"{_at(path)}: no canonical spelling for {_type_name(value)}",
            path=format_path(path),
            hint="convert it to plain data, strip it with a rule, or spell it in the hook pytest_golden_canonicalize",
        )

    def _tagged(self, value: Any, path: list[str | int]) -> Any:
        """Our own output for numpy and pandas: the tag may pass, what is below it is adapted."""
        if isinstance(value, dict):
            ((tag, body),) = value.items()
            return {tag: {k: self.value(v, [*path, k]) for k, v in body.items()}}
        return self.value(value, path)

    def _mapping(self, value: Mapping[Any, Any], path: list[str | int]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, item in value.items():
            name = self._key(key, path)
            if name in out:
                raise KeySpellingError(
                    f"{_at(path)}: two keys are both spelled {name!r}", path=format_path(path)
                )
            if name.startswith(RESERVED_PREFIX):
                raise ReservedKeyError(
                    f"{_at(path)}: the key {name!r} is reserved for our own spelling of sets, bytes and arrays",
                    path=format_path([*path, name]),
                    hint="rename the key",
                )
            out[name] = self.value(item, [*path, name])
        return out

    def _key(self, key: Any, path: list[str | int]) -> str:
        if isinstance(key, Enum) and isinstance(key, str):
            key = key.value
        if isinstance(key, str):
            return self._text(str.__str__(key), path)
        if self.spell_keys:
            if key is None:
                return "null"
            if isinstance(key, bool):
                return "true" if key else "false"
            if isinstance(key, int):
                return str(int(key))
        raise KeySpellingError(
            f"{_at(path)}: the key {_short(key)} is {_type_name(key)}, not text",
            path=format_path(path),
            hint="use text keys, or the rule set option keys='text' to spell integers, booleans and null",
        )

    def _text(self, value: str, path: list[str | int]) -> str:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise TextEncodingError(
                f"{_at(path)}: the text has a lone surrogate (U+{ord(value[error.start]):04X} at {error.start}), "
                "which UTF-8 cannot hold",
                path=format_path(path),
                hint="decode the bytes with errors='replace', or record them as bytes",
            ) from None
        return value

    def _float(self, value: float, path: list[str | int]) -> float:
        if not math.isfinite(value):
            raise NonFiniteNumberError(
                f"{_at(path)}: {value} is not a JSON number",
                path=format_path(path),
                hint="record None or text instead, or strip it with a rule",
            )
        return value


def _bytes(value: bytes) -> dict[str, Any]:
    return {
        f"{RESERVED_PREFIX}bytes": {
            "length": len(value),
            "sha256": hashlib.sha256(value).hexdigest(),
        }
    }


def _scalar_text(value: Any) -> str | None:
    if isinstance(value, datetime):
        text = value.isoformat()
        return text[:-6] + "Z" if text.endswith("+00:00") else text
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    return None


def _duration(value: timedelta) -> str:
    micros = value // timedelta(microseconds=1)
    seconds, rest = divmod(abs(micros), 1_000_000)
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{'-' if micros < 0 else ''}PT{seconds}{fraction}S"


def _fields(value: Any) -> dict[str, Any] | None:
    """The fields of a dataclass instance, an attrs instance or a pydantic model; None for anything else."""
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    attributes = getattr(type(value), "__attrs_attrs__", None)
    if attributes is not None:
        return {attribute.name: getattr(value, attribute.name) for attribute in attributes}
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and isinstance(value, pydantic.BaseModel):
        fields: dict[str, Any] = value.model_dump(mode="python")
        return fields
    return None


def _array(value: Any) -> Any:
    """numpy and pandas values as plain data, tagged where the shape matters; None for anything else."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if isinstance(value, numpy.generic):
            item = value.item()
            return None if isinstance(item, numpy.generic) else item
        if isinstance(value, numpy.ndarray):
            body = {"data": value.tolist(), "dtype": str(value.dtype), "shape": list(value.shape)}
            return {f"{RESERVED_PREFIX}ndarray": body}
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        if isinstance(value, pandas.Series):
            body = {
                "data": value.tolist(),
                "dtype": str(value.dtype),
                "index": value.index.tolist(),
                "name": value.name,
            }
            return {f"{RESERVED_PREFIX}series": body}
        if isinstance(value, pandas.DataFrame):
            body = {
                "columns": value.columns.tolist(),
                "data": [list(row) for row in value.itertuples(index=False, name=None)],
                "dtypes": [str(dtype) for dtype in value.dtypes],
                "index": value.index.tolist(),
            }
            return {f"{RESERVED_PREFIX}dataframe": body}
    return None


def _at(path: list[str | int]) -> str:
    return format_path(path) if path else "the value itself"


def _type_name(value: Any) -> str:
    kind = type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."

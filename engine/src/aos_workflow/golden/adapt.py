"""Python values as JSON values, by one documented spelling each; everything else is an error with its path.

========================================  =====================================================================
Python                                    JSON
========================================  =====================================================================
None, bool, int, float, str, list, dict   themselves (subclasses too)
tuple, named tuple, deque                 array (of a named tuple too: its field names are not part of its value)
set, frozenset                            ``{"$aos.set": [...]}``, items in the order of their canonical text
bytes, bytearray, memoryview              ``{"$aos.bytes": {"length": n, "sha256": "..."}}``
dataclass, pydantic model, attrs class    object of its fields (a pydantic field with ``exclude`` is left out)
Enum                                      its value
Decimal, UUID, pathlib paths              text: ``str(x)``; paths with forward slashes
datetime, date, time                      ISO 8601 text, the offset as it is, UTC as ``Z``
timedelta                                 ISO 8601 duration in seconds: ``PT90.5S``
numpy scalar                              the number; ``datetime64`` and ``timedelta64`` as ISO 8601 text
numpy array                               ``{"$aos.ndarray": {"data": ..., "dtype": ..., "shape": ...}}``
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
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, NamedTuple
from uuid import UUID

from aos_workflow.errors import (
    CanonicalError,
    DepthError,
    KeySpellingError,
    NonFiniteNumberError,
    ReservedKeyError,
    TextEncodingError,
    UnsupportedTypeError,
)
from aos_workflow.golden.limits import MAX_DEPTH
from aos_workflow.golden.paths import Path
from aos_workflow.golden.secret_scan import redact, shown_path

__all__ = ["RESERVED_PREFIX", "Adapter", "NeedsAdapting", "Unspellable", "adapt", "too_deep"]

RESERVED_PREFIX = "$aos."

Adapter = Callable[[Any], Any]
"""A user's spelling for own types: returns another value, or ``NotImplemented`` to leave it to us."""


class NeedsAdapting(Exception):  # noqa: N818 - a request, not an error
    """A value is not plain JSON data; adapt it first. ``value`` is the part that is not, if it is one part."""

    def __init__(self, value: Any = None) -> None:
        self.value = value


class Unspellable:
    """Stands for a value that has no spelling, until the walk either drops it by a rule or raises ``error``."""

    error: CanonicalError


class _UnspellableText(Unspellable, str):
    """Still text, so that rules see the kind of value that it is."""


class _UnspellableNumber(Unspellable, float):
    """Still a number."""


def _unspellable(value: Any, error: CanonicalError) -> Unspellable:
    made: Unspellable
    if isinstance(value, str):
        made = _UnspellableText(str.__str__(value))
    elif isinstance(value, float):
        made = _UnspellableNumber(value)
    else:
        made = Unspellable()
    made.error = error
    return made


def adapt(
    value: Any,
    *,
    spell_keys: bool = False,
    custom: Adapter | None = None,
    reserved: bool = False,
    encode: Callable[[Any], bytes],
) -> Any:
    """A copy of ``value`` made of dict, list, str, int, float, bool and None, and of :class:`Unspellable`.

    ``spell_keys`` writes integer, boolean and null keys as JSON spells them; ``reserved`` lets keys of our own name
    space pass; ``encode`` gives the canonical text by which the items of a set are ordered.

    Raises:
        CanonicalError: an item of a set has no spelling, and nothing around the set can stand for it.
    """
    return _Adaptation(spell_keys, custom, reserved, encode).value(value)


@dataclasses.dataclass
class _Adaptation:
    spell_keys: bool
    custom: Adapter | None
    reserved: bool
    encode: Callable[[Any], bytes]
    path: list[str | int] = dataclasses.field(default_factory=list)
    """Where we are."""
    open: set[int] = dataclasses.field(default_factory=set)
    """Ids of the containers we are inside of: meeting one again is a cycle."""
    open_sets: int = 0

    def value(self, value: Any) -> Any:
        if self.custom is not None:
            replaced = self.custom(value)
            if replaced is not NotImplemented:
                value = replaced
        try:
            return self._spelled(value)
        except CanonicalError as error:
            return self._refused(value, error)

    def _refused(self, value: Any, error: CanonicalError) -> Unspellable:
        if self.open_sets:  # its items could not be put in order
            raise error
        return _unspellable(value, error)

    def _spelled(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is int:
            return value
        if isinstance(value, Enum):
            return self._spelled(value.value)
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, int):
            return int.__int__(value)
        if isinstance(value, float):
            return self._float(float.__float__(value))
        if id(value) in self.open:
            raise DepthError(f"{self._here}: the value contains itself", path=self._path)
        if len(self.path) >= MAX_DEPTH:
            raise too_deep(self.path)
        self.open.add(id(value))
        try:
            return self._container(value)
        finally:
            self.open.discard(id(value))

    def _container(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, (list, tuple, deque)):
            return self._list(value)
        if isinstance(value, (set, frozenset)):
            return self._set(value)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return _bytes(bytes(value))
        spelled = _scalar_text(value)
        if spelled is not None:
            return self._text(spelled)
        fields = _fields(value)
        if fields is not None:
            return self._mapping(fields)
        known = _array(value)
        if known is not None:
            return self._tagged(*known) if isinstance(known, _Tagged) else self._spelled(known)
        raise UnsupportedTypeError(
            f"{self._here}: no canonical spelling for {_type_name(value)}",
            path=self._path,
            hint="convert it to plain data, strip it with a rule, or spell it in the hook pytest_golden_canonicalize",
        )

    def _below(self, part: str | int, value: Any) -> Any:
        self.path.append(part)
        try:
            return self.value(value)
        finally:
            self.path.pop()

    def _list(self, value: Iterable[Any]) -> list[Any]:
        return [self._below(i, item) for i, item in enumerate(value)]

    def _set(self, value: Iterable[Any]) -> dict[str, Any]:
        """An item's index is only known once all are spelled: the path of an error ends at the set."""
        tag = f"{RESERVED_PREFIX}set"
        self.open_sets += 1
        try:
            items = [self._below(tag, item) for item in value]
        finally:
            self.open_sets -= 1
        return {tag: sorted(items, key=self.encode)}

    def _tagged(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """What we made of a numpy or pandas value: the tag may pass, what is below it is adapted."""
        return {f"{RESERVED_PREFIX}{name}": self._below(f"{RESERVED_PREFIX}{name}", body)}

    def _mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, item in value.items():
            name = self._key(key)
            if name in out:
                raise KeySpellingError(
                    f"{self._here}: two keys are both spelled {_short(name)}", path=self._path
                )
            if name.startswith(RESERVED_PREFIX) and not self.reserved:
                out[name] = self._refused(item, self._reserved_key(name))
            else:
                out[name] = self._below(name, item)
        return out

    def _key(self, key: Any) -> str:
        if isinstance(key, Enum) and isinstance(key, str):
            key = key.value
        if isinstance(key, str):
            return self._text(str.__str__(key))
        if self.spell_keys:
            if key is None:
                return "null"
            if isinstance(key, bool):
                return "true" if key else "false"
            if isinstance(key, int):
                return str(int.__int__(key))
        raise KeySpellingError(
            f"{self._here}: the key {_short(key)} is {_type_name(key)}, not text",
            path=self._path,
            hint="use text keys; or spell integers, booleans and null as text: golden_keys = text in the "
            "ini file, Rules.of(..., keys='text') in code",
        )

    def _reserved_key(self, name: str) -> ReservedKeyError:
        return ReservedKeyError(
            f"{self._here}: the key {_short(name)} is reserved for our own spelling of sets, bytes and arrays",
            path=shown_path([*self.path, name]),
            hint="rename the key",
        )

    def _text(self, value: str) -> str:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise TextEncodingError(
                f"{self._here}: the text has a lone surrogate (U+{ord(value[error.start]):04X} at {error.start}), "
                "which UTF-8 cannot hold",
                path=self._path,
                hint="decode the bytes with errors='replace', or record them as bytes",
            ) from None
        return value

    def _float(self, value: float) -> float:
        if not math.isfinite(value):
            raise NonFiniteNumberError(
                f"{self._here}: {value} is not a JSON number",
                path=self._path,
                hint="record None or text instead, or strip it with a rule",
            )
        return value

    @property
    def _path(self) -> str:
        return shown_path(self.path)

    @property
    def _here(self) -> str:
        return self._path if self.path else "the value itself"


def too_deep(path: Path = ()) -> DepthError:
    """The error for a value at ``path`` that is a container below ``MAX_DEPTH`` others."""
    where = shown_path(path[:6])
    return DepthError(
        f"nested deeper than {MAX_DEPTH} levels, below {where}",
        path=where,
        hint="record a part of the value, or a flat form of it",
    )


def _bytes(value: bytes) -> dict[str, Any]:
    return {
        f"{RESERVED_PREFIX}bytes": {
            "length": len(value),
            "sha256": hashlib.sha256(value).hexdigest(),
        }
    }


def _scalar_text(value: Any) -> str | None:
    if isinstance(value, (datetime, time)):
        text = value.isoformat()
        return text[:-6] + "Z" if text.endswith("+00:00") else text
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        micros = value // timedelta(microseconds=1)
        return _duration(micros * 1000 + getattr(value, "nanoseconds", 0))  # pandas counts them
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    return None


def _duration(nanos: int) -> str:
    seconds, rest = divmod(abs(nanos), 1_000_000_000)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{'-' if nanos < 0 else ''}PT{seconds}{fraction}S"


def _fields(value: Any) -> dict[str, Any] | None:
    """The fields of a dataclass instance, an attrs instance or a pydantic model; None for anything else."""
    kind = type(value)
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    attributes = getattr(kind, "__attrs_attrs__", None)
    if attributes is not None:
        return {attribute.name: getattr(value, attribute.name) for attribute in attributes}
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and isinstance(value, pydantic.BaseModel):
        names = (name for name, field in kind.model_fields.items() if not field.exclude)
        return {name: getattr(value, name) for name in names} | (value.model_extra or {})
    return None


class _Tagged(NamedTuple):
    """A value whose kind must be told apart from a plain object of the same fields."""

    name: str
    body: dict[str, Any]


def _array(value: Any) -> Any:
    """A numpy or pandas value as plain data, tagged where the shape matters; None for anything else."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if isinstance(value, numpy.generic):
            return _numpy_scalar(value, numpy)
        if isinstance(value, numpy.ndarray):
            body = {"data": value.tolist(), "dtype": str(value.dtype), "shape": list(value.shape)}
            return _Tagged("ndarray", body)
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        if isinstance(value, pandas.Series):
            body = {
                "data": value.tolist(),
                "dtype": str(value.dtype),
                "index": value.index.tolist(),
                "name": value.name,
            }
            return _Tagged("series", body)
        if isinstance(value, pandas.DataFrame):
            body = {
                "columns": value.columns.tolist(),
                "data": [list(row) for row in value.itertuples(index=False, name=None)],
                "dtypes": [str(dtype) for dtype in value.dtypes],
                "index": value.index.tolist(),
            }
            return _Tagged("dataframe", body)
    return None


def _numpy_scalar(value: Any, numpy: Any) -> Any:
    """A plain value, or None where there is none (``longdouble``, a ``timedelta64`` in months)."""
    if isinstance(value, numpy.datetime64):
        return str(value)
    if isinstance(value, numpy.timedelta64):
        if numpy.isnat(value):
            return str(value)
        try:
            nanos = value.astype("timedelta64[ns]", casting="same_kind")
        except TypeError:
            return None
        return _duration(int(nanos.astype("int64")))
    item = value.item()
    return None if isinstance(item, numpy.generic) else item


def _type_name(value: Any) -> str:
    kind = type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _short(value: Any) -> str:
    text = redact(repr(value))
    return text if len(text) <= 40 else text[:37] + "..."

"""What the hash of a value depends on, and a key for it that no process changes."""

from __future__ import annotations

import copyreg
import datetime
import enum
import hashlib
import numbers
import pathlib
import re
import sys
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Literal

__all__ = ["ADDRESS", "HashKind", "hash_kind", "kind_of_all", "order_key", "stable_text"]

HashKind = Literal["stable", "seeded", "address"]
"""The same in every process; decided by ``PYTHONHASHSEED``; decided by addresses."""

ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_RANK: dict[HashKind, int] = {"stable": 0, "seeded": 1, "address": 2}
_STABLE = frozenset({int, float, bool, complex, range, datetime.timedelta})
_SEEDED = frozenset({str, bytes, memoryview, datetime.datetime, datetime.date, datetime.time})
_object_hash: Any = object.__hash__
MAX_DEPTH = 4
MAX_LOOKED_AT = 16
Probe = Callable[[Any], list[HashKind]]


def kind_of_all(values: Iterable[Any], probe: Probe | None = None) -> HashKind:
    """The least stable kind among the first values."""
    worst: HashKind = "stable"
    for position, value in enumerate(values):
        kind = hash_kind(value, probe)
        if _RANK[kind] > _RANK[worst]:
            worst = kind
        if position >= MAX_LOOKED_AT:
            break
    return worst


def hash_kind(value: Any, probe: Probe | None = None) -> HashKind:
    """What decides the hash of a value. ``probe`` runs a hash written in Python and says what it hashed."""
    kind: Any = type(value)
    if kind in _STABLE:
        return "stable"
    if kind in _SEEDED:
        return "seeded"
    if kind is tuple or kind.__hash__ is tuple.__hash__:
        return kind_of_all(value, probe)
    if isinstance(value, frozenset):
        return kind_of_all(list(frozenset.__iter__(value)), probe)
    if value is None:
        return "stable" if sys.version_info >= (3, 12) else "address"
    if isinstance(
        value, str | bytes | pathlib.PurePath | datetime.date | datetime.time | enum.Enum
    ):
        return "stable" if kind.__hash__ is int.__hash__ else "seeded"
    hasher = kind.__hash__
    if (
        hasher is _object_hash
        or kind in (FunctionType, BuiltinFunctionType, MethodType, ModuleType)
        or isinstance(value, type)
    ):
        return "address"
    if isinstance(value, numbers.Number):
        return "stable"
    if isinstance(hasher, FunctionType) and probe is not None:
        worst: HashKind = "stable"
        for found in probe(value):
            worst = found if _RANK[found] > _RANK[worst] else worst
        return worst
    if isinstance(hasher, FunctionType):
        return "stable"
    return "address" if kind.__eq__ is object.__eq__ else _kind_of_parts(value, probe)


def _kind_of_parts(value: Any, probe: Probe | None) -> HashKind:
    """Of an extension's value that is equal by content: that of what it is made of, as a copy of it would be."""
    try:
        reducer = copyreg.dispatch_table.get(type(value))
        parts = (value.__reduce__() if reducer is None else reducer(value))[1]
    except Exception:  # noqa: BLE001 - whatever says that it cannot be copied
        return "address"
    return kind_of_all(parts, probe)


def stable_text(value: Any, depth: int = 0) -> str:
    """The content of a value as text without addresses."""
    kind = type(value)
    if kind in (str, int, float, bool, bytes, type(None), complex):
        return f"{kind.__name__}:{value!r}"
    if depth >= MAX_DEPTH:
        return kind.__qualname__
    if isinstance(value, FunctionType | type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, MethodType):
        return f"{stable_text(value.__self__, depth + 1)}.{value.__name__}"
    if isinstance(value, tuple | list):
        return f"{kind.__name__}({','.join(stable_text(x, depth + 1) for x in value)})"
    if isinstance(value, frozenset | set):
        texts = sorted(stable_text(x, depth + 1) for x in set.union(set(), value))
        return f"set({','.join(texts)})"
    if isinstance(value, dict):
        pairs = (
            f"{stable_text(k, depth + 1)}={stable_text(v, depth + 1)}" for k, v in value.items()
        )
        return f"dict({','.join(pairs)})"
    return f"{kind.__module__}.{kind.__qualname__}{_state(value, depth)}"


def _state(value: Any, depth: int) -> str:
    numbered = getattr(value, "_aos_number", None)
    if numbered is not None:
        return f"#{numbered:08d}"
    name = getattr(value, "get_name", None)
    if name is not None and hasattr(value, "get_coro"):
        digits = re.sub(r"\d+", lambda found: found[0].zfill(8), str(name()))
        return f"#{digits}"
    state = getattr(value, "__dict__", None)
    if state is not None and not isinstance(value, ModuleType):
        return stable_text(dict(state), depth + 1)
    slots = getattr(type(value), "__slots__", None)
    if slots:
        names = (slots,) if isinstance(slots, str) else tuple(slots)
        return stable_text([getattr(value, name, None) for name in names], depth + 1)
    try:
        return ADDRESS.sub("", repr(value))
    except Exception:  # noqa: BLE001 - any class may have any repr
        return ""


def order_key(key: str, value: Any) -> bytes:
    """Where a value stands in the order that ``key`` names."""
    return hashlib.blake2b(f"{key}|{stable_text(value)}".encode("utf-8", "replace")).digest()

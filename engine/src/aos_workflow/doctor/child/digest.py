"""Text that changes when the content of a value does, whatever the value is made of."""

from __future__ import annotations

import itertools
import random
import warnings
from collections import deque
from types import FunctionType, GeneratorType, ModuleType
from typing import Any

from aos_workflow.doctor.child.elements import ADDRESS

__all__ = ["digest"]

MAX_NODES = 4000


def digest(value: Any) -> str:
    """Text that changes when the content of a value does."""
    parts: list[str] = []
    _walk(value, parts, {}, [MAX_NODES])
    return "".join(parts)


def _walk(value: Any, parts: list[str], seen: dict[int, int], left: list[int]) -> None:
    kind = type(value)
    if kind in (str, int, float, bool, bytes, type(None), complex):
        parts.append(f"{value!r};")
        return
    left[0] -= 1
    if left[0] < 0:
        return
    if id(value) in seen:
        parts.append(f"^{seen[id(value)]};")
        return
    seen[id(value)] = len(seen)
    if isinstance(value, ModuleType | type | FunctionType):
        parts.append(f"{getattr(value, '__qualname__', value)};")
        return
    parts.append(f"{kind.__name__}(")
    for child in _children(value, parts):
        _walk(child, parts, seen, left)
    parts.append(")")


def _children(value: Any, parts: list[str]) -> list[Any]:
    if isinstance(value, dict):
        return list(itertools.chain.from_iterable(dict.items(value)))
    if isinstance(value, list | tuple | deque):
        return list(value)
    if isinstance(value, set | frozenset):
        parts.extend(sorted(ADDRESS.sub("", repr(x)) for x in set.union(set(), value)))
        return []
    if isinstance(value, random.Random):
        return [value.getstate()]
    if isinstance(value, GeneratorType):
        if value.gi_running:  # blamed on the line that resumes it, not on one of its own
            return ["running"]
        frame = value.gi_frame
        return [] if frame is None else [frame.f_lasti, *frame.f_locals.values()]
    if hasattr(value, "cache_info"):
        return [tuple(value.cache_info())[-1]]
    return _of_object(value)


def _of_object(value: Any) -> list[Any]:
    children: list[Any] = []
    state = getattr(value, "__dict__", None)
    if isinstance(state, dict):
        children.extend(itertools.chain.from_iterable(state.items()))
    for base in type(value).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            children.append(getattr(value, name, None) if not name.startswith("__") else None)
    if not children and type(value).__module__ in ("itertools", "builtins", "collections"):
        children.append(_iterator(value))
    if type(value).__name__ == "ContextVar":
        children.append(value.get(None))
    return children


def _iterator(value: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reduced = value.__reduce__()
            return [x for x in reduced if not callable(x)]
        except Exception:  # noqa: BLE001 - not every iterator tells
            return ADDRESS.sub("", repr(value))

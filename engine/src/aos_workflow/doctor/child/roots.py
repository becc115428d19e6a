"""Every place of a process where state can stay: globals, class attributes, defaults, closures, caches."""

from __future__ import annotations

import itertools
import sys
from abc import ABCMeta
from collections import deque
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

from aos_workflow.doctor.child.library import library_roots
from aos_workflow.doctor.child.root import Root
from aos_workflow.doctor.child.target import Sources

__all__ = ["MAX_ROOTS", "SKIPPED", "all_roots", "cached_functions"]

MAX_ROOTS = 600
MAX_HELD = 2_000
"""Objects that are looked through for functions, below one global."""
WITHOUT_STATE = frozenset(
    [
        "asyncio",
        "builtins",
        "functools",
        "gc",
        "importlib",
        "inspect",
        "linecache",
        "os",
        "re",
        "sys",
        "threading",
        "time",
        "typing",
    ]
)
"""Modules whose globals are caches and machinery, or are looked at elsewhere."""
SKIPPED = (ModuleType, FunctionType, type, property, staticmethod, classmethod)


def all_roots(sources: Sources) -> Iterator[Root]:
    """Every root of this process."""
    seen: set[int] = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and file in sources.run.files:
            yield from _of_namespace(module, module.__name__, sources, seen)
    yield from library_roots(sources.run)
    for name in sorted(sources.imports - WITHOUT_STATE):
        library = sys.modules.get(name)
        if library is not None and sources.is_library(library):
            yield from _of_library(library)


def _of_namespace(owner: Any, name: str, sources: Sources, seen: set[int]) -> Iterator[Root]:
    for key, value in list(vars(owner).items()):
        function = _function(value)
        hidden = key.startswith("__") and function is None and key != WARNED
        if hidden or key in sources.names or id(value) in seen:
            continue
        place = f"{name}.{key}"
        if function is not None:
            if function.__code__.co_filename in sources.run.files and id(function) not in seen:
                seen.add(id(function))
                yield from _of_function(function, place)
            if hasattr(value, "cache_info"):
                yield Root(place, lambda value=value: value)  # type: ignore[misc]
            continue
        if isinstance(value, type):
            if (
                value.__module__ in sys.modules
                and _is_user(value, sources)
                and id(value) not in seen
            ):
                seen.add(id(value))
                yield from _of_namespace(value, place, sources, seen)
                yield from _registered(value, place)
            continue
        if isinstance(value, ModuleType) or key == "_abc_impl":
            continue
        yield Root(
            place,
            lambda owner=owner, key=key: vars(owner).get(key),  # type: ignore[misc]
            lambda new, owner=owner, key=key: setattr(owner, key, new),  # type: ignore[misc]
            lambda owner=owner, key=key: delattr(owner, key),  # type: ignore[misc]
        )
        for inner in _held(value, sources, seen):
            yield from _of_function(inner, f"{place} holds {inner.__qualname__}")


_abc: Any = import_module("_abc")
WARNED = "__warningregistry__"
"""What a module has warned of already."""


def _registered(kind: type, place: str) -> Iterator[Root]:
    """The classes that an abstract one was told to take for its own."""
    if not isinstance(kind, ABCMeta):
        return

    def put_back(before: tuple[Any, ...]) -> None:
        _abc._reset_registry(kind)
        _abc._reset_caches(kind)
        for reference in before:
            if reference() is not None:
                _abc._abc_register(kind, reference())

    yield Root(f"classes registered with {place}", lambda: _registry(kind), put_back)


def _registry(kind: type) -> tuple[Any, ...]:
    found = [(getattr(ref(), "__qualname__", ""), ref) for ref in _abc._get_dump(kind)[0]]
    return tuple(ref for _, ref in sorted(found, key=lambda pair: pair[0]))


def _of_library(module: ModuleType) -> Iterator[Root]:
    """What a module of the standard library keeps in its globals."""
    for key, value in list(vars(module).items()):
        place = f"{module.__name__}.{key}"
        if isinstance(value, type):
            if value.__module__ == module.__name__:
                yield from _registered(value, place)
            continue
        scalar = isinstance(value, SCALARS) and not key.isupper()
        kept = (
            isinstance(value, dict | list | set | deque)
            or type(value).__module__ == module.__name__
        )
        if key.startswith("__") or isinstance(value, (*SKIPPED, Enum)) or not (scalar or kept):
            continue
        yield Root(
            place,
            lambda key=key: vars(module).get(key),  # type: ignore[misc]
            lambda new, key=key: setattr(module, key, new),  # type: ignore[misc]
        )


SCALARS = (str, int, float, bytes, type(None), tuple)


def _held(value: Any, sources: Sources, seen: set[int]) -> Iterator[FunctionType]:
    """The user's functions that an object holds, in its attributes and what these hold: each may close over state."""
    todo = [value]
    for _ in range(MAX_HELD):
        if not todo:
            return
        item = todo.pop()
        if isinstance(item, FunctionType):
            if item.__code__.co_filename in sources.run.files and id(item) not in seen:
                seen.add(id(item))
                yield item
                todo.extend(map(_cell, item.__closure__ or ()))
        elif isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, list | tuple):
            todo.extend(item)
        elif not isinstance(item, type | ModuleType) and id(item) not in seen:
            seen.add(id(item))
            todo.extend(getattr(item, "__dict__", {}).values())


def _is_user(kind: type, sources: Sources) -> bool:
    module = sys.modules.get(kind.__module__)
    return getattr(module, "__file__", None) in sources.run.files


def _function(value: Any) -> FunctionType | None:
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    if isinstance(value, property):
        value = value.fget
    for _ in range(8):
        inner = getattr(value, "__wrapped__", None)
        if isinstance(value, FunctionType) or inner is None:
            break
        value = inner
    return value if isinstance(value, FunctionType) else None


def _of_function(function: FunctionType, name: str) -> Iterator[Root]:
    for position, value in enumerate(function.__defaults__ or ()):
        if not isinstance(value, SKIPPED):
            yield Root(f"{name} default {position}", lambda value=value: value)  # type: ignore[misc]
    for key, value in (function.__kwdefaults__ or {}).items():
        yield Root(f"{name} default {key}", lambda value=value: value)  # type: ignore[misc]
    if function.__dict__:
        yield Root(f"{name} attributes", lambda: _without_wrapped(function))
    else:
        yield Root(
            f"{name} attributes",
            lambda: _without_wrapped(function),
            lambda new: function.__dict__.clear(),
        )
    for key, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        inner = _function(_cell(cell))
        if inner is not None:
            if inner is not function and key != "__class__":
                yield from _of_function(inner, f"{name}.{key}")
            continue
        yield Root(
            f"{name} closure {key}",
            lambda cell=cell: _cell(cell),  # type: ignore[misc]
            lambda new, cell=cell: setattr(cell, "cell_contents", new),  # type: ignore[misc]
        )


def _without_wrapped(function: FunctionType) -> dict[str, Any]:
    return {k: v for k, v in function.__dict__.items() if k != "__wrapped__"}


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def cached_functions(sources: Sources) -> dict[str, tuple[str, int, str]]:
    """Where functions with a cache are defined, by the name of their root."""
    found: dict[str, tuple[str, int, str]] = {}
    for root in itertools.islice(all_roots(sources), MAX_ROOTS):
        value = root.read()
        inner = _function(value) if hasattr(value, "cache_info") else None
        if inner is not None:
            code = inner.__code__
            first = code.co_firstlineno + len(_decorators(inner))
            found[root.name] = (code.co_filename, first, inner.__qualname__)
    return found


def _decorators(function: FunctionType) -> list[str]:
    """The decorator lines above a ``def``."""
    import linecache

    lines = []
    number = function.__code__.co_firstlineno
    while (text := linecache.getline(function.__code__.co_filename, number).strip()).startswith(
        "@"
    ):
        lines.append(text)
        number += 1
    return lines

"""What one call leaves for the next: the reachable state of user modules, and the process-wide state of the library.

A *root* is a place where state can stay: a module global, a class attribute, a default argument, a closure, a
cache. Roots
are digested before and after a call, and can be put back to what they were.
"""

from __future__ import annotations

import copy
import io
import itertools
import os
import random
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType, GeneratorType, ModuleType
from typing import Any

from aos_workflow.doctor.child.elements import ADDRESS
from aos_workflow.doctor.child.run import Run
from aos_workflow.doctor.child.target import Sources

__all__ = ["Root", "Roots", "all_roots", "digest"]

MAX_NODES = 4000
MAX_ROOTS = 600
_OPEN = io.open
_SKIPPED = (ModuleType, FunctionType, type, property, staticmethod, classmethod)


@dataclass(frozen=True, slots=True)
class Root:
    """A place where state stays: its name, how to read it and how to put it back (``None``: it cannot be)."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], None] | None = None


class Roots:
    """All roots of a process, as they were before the first call."""

    def __init__(self, sources: Sources, run: Run) -> None:
        self.run = run
        self.roots = {root.name: root for root in itertools.islice(all_roots(sources), MAX_ROOTS)}
        self.digests: dict[str, str] = {}
        self.copies: dict[str, Any] = {}
        self.after_first: list[str] = []

    def before(self, position: int, wish: dict[str, Any]) -> None:
        """Called before each call: remember, or put back what ``wish["restore"]`` names."""
        self.run.active = False
        try:
            if position == 0:
                self._remember(set(wish.get("restore", ())))
                return
            if position == 1:
                self.after_first = self._differing()
            for name in wish.get("restore", ()):
                self._restore(name)
        finally:
            self.run.active = True

    def changed(self) -> list[str]:
        """The roots that the first call changed."""
        self.run.active = False
        return self.after_first or self._differing()

    def _remember(self, wanted: set[str]) -> None:
        for name, root in self.roots.items():
            self.digests[name] = digest(root.read())
            if name in wanted:
                try:
                    self.copies[name] = copy.deepcopy(root.read())
                except Exception:  # noqa: BLE001 - objects of any class
                    continue

    def _differing(self) -> list[str]:
        return [n for n, root in self.roots.items() if digest(root.read()) != self.digests.get(n)]

    def _restore(self, name: str) -> None:
        root = self.roots.get(name)
        if root is None or name not in self.copies:
            if root is not None and hasattr(root.read(), "cache_clear"):
                root.read().cache_clear()
            return
        before = self.copies[name]
        now = root.read()
        try:
            kept = copy.deepcopy(before)
            if name == FILES or (not _refill(now, before) and root.write is not None):
                root.write(before)  # type: ignore[misc]
            self.copies[name] = kept
        except Exception:  # noqa: BLE001 - objects of any class
            return


def _refill(now: Any, before: Any) -> bool:
    """Put the content back into the same object, so that everybody who holds it sees it."""
    if hasattr(now, "cache_clear"):
        now.cache_clear()
        return True
    if type(now) is not type(before):
        return False
    if isinstance(now, dict):
        now.clear()
        now.update(before)
    elif isinstance(now, list):
        now[:] = before
    elif isinstance(now, set):
        set.clear(now)
        set.update(now, before)
    elif isinstance(now, deque):
        now.clear()
        now.extend(before)
    elif isinstance(now, random.Random):
        now.setstate(before.getstate())
    elif isinstance(getattr(now, "__dict__", None), dict) and not isinstance(now, _SKIPPED):
        now.__dict__.clear()
        now.__dict__.update(before.__dict__)
    else:
        return False
    return True


def all_roots(sources: Sources) -> Iterator[Root]:
    """Every root of this process."""
    seen: set[int] = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and file in sources.run.files:
            yield from _of_namespace(module, module.__name__, sources, seen)
    yield from _of_process()


def _of_namespace(owner: Any, name: str, sources: Sources, seen: set[int]) -> Iterator[Root]:
    for key, value in list(vars(owner).items()):
        function = _function(value)
        hidden = key.startswith("__") and function is None
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
            continue
        if isinstance(value, ModuleType) or key == "_abc_impl":
            continue
        yield Root(
            place,
            lambda owner=owner, key=key: vars(owner).get(key),  # type: ignore[misc]
            lambda new, owner=owner, key=key: setattr(owner, key, new),  # type: ignore[misc]
        )


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
        if not isinstance(value, _SKIPPED):
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


def _of_process() -> Iterator[Root]:
    """State of the interpreter and the standard library."""
    import decimal
    import locale
    import logging

    yield Root("os.environ", lambda: os.environ._data, None)  # type: ignore[attr-defined]
    yield Root("sys.path", lambda: sys.path)
    yield Root("the working directory", _cwd, lambda path: os.chdir(path))
    yield Root(
        "the decimal context",
        lambda: (decimal.getcontext().prec, str(decimal.getcontext().rounding)),
        lambda _: decimal.setcontext(decimal.Context(prec=28)),
    )
    yield Root("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit)
    yield Root("warnings.filters", lambda: warnings.filters)
    yield Root("the locale", lambda: locale.setlocale(locale.LC_ALL), None)
    inner = getattr(random, "_inst", None)
    if inner is not None:
        yield Root("the global random generator", lambda: inner)
    yield Root("loggers", lambda: _loggers(logging))
    yield Root(FILES, _files, _put_files)
    counter = _Counter(threading, "_counter")
    yield Root("the number in thread names", counter.read, counter.write)
    tasks = sys.modules.get("asyncio.tasks")
    if tasks is not None:
        named = _Counter(tasks, "_task_name_counter")
        yield Root("the number in task names", named.read, named.write)
    pools = sys.modules.get("concurrent.futures.thread")
    if pools is not None:
        pool = _Counter(pools.ThreadPoolExecutor, "_counter")
        yield Root("the number in names of pools", pool.read, pool.write)
    calendar = sys.modules.get("calendar")
    if calendar is not None:
        yield Root("calendar.firstweekday", calendar.firstweekday, calendar.setfirstweekday)
    csv = sys.modules.get("csv")
    if csv is not None:
        yield Root("csv dialects", lambda: csv.list_dialects())


FILES = "files in the folder for temporary files"


def _folders() -> list[str]:
    return [os.environ[name] for name in ("TMPDIR", "HOME", "PWD") if name in os.environ]


def _files() -> dict[str, bytes]:
    """The files that a call left in the folders of its process."""
    found: dict[str, bytes] = {}
    for folder in _folders():
        for root, _, names in os.walk(folder):
            for name in sorted(names)[:50]:
                path = os.path.join(root, name)  # noqa: PTH118
                if os.path.isfile(path) and len(found) < 100:  # noqa: PTH113
                    with _OPEN(path, "rb") as stream:
                        found[path] = stream.read(100_000)
    return found


def _put_files(before: dict[str, bytes]) -> None:
    for path in _files():
        if path not in before:
            os.remove(path)  # noqa: PTH107
    for path, content in before.items():
        with _OPEN(path, "wb") as stream:
            stream.write(content)


def _cwd() -> str:
    return os.readlink("/proc/self/cwd") if os.path.exists("/proc/self/cwd") else os.curdir  # noqa: PTH115,PTH110


def _loggers(logging: Any) -> list[Any]:
    manager = logging.Logger.manager
    known = [logging.root, *manager.loggerDict.values()]
    return [
        (getattr(x, "name", ""), getattr(x, "level", 0), len(getattr(x, "handlers", ())))
        for x in known
    ]


class _Counter:
    """A number that the library gives away, held as the ``__next__`` of an ``itertools.count``."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name

    def read(self) -> int:
        """The next number."""
        held = getattr(self.owner, self.name)
        return int(repr(getattr(held, "__self__", held)).partition("(")[2].rstrip(")") or 0)

    def write(self, number: int) -> None:
        """Make it the next number."""
        setattr(self.owner, self.name, itertools.count(number).__next__)


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

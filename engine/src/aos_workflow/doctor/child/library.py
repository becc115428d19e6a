"""State of the interpreter and the standard library, and files, that one call leaves for the next."""

from __future__ import annotations

import io
import itertools
import os
import random
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

from aos_workflow.doctor.child.root import Root
from aos_workflow.doctor.child.run import Run

__all__ = ["FILES", "library_roots"]

_OPEN = io.open


def library_roots(run: Run) -> Iterator[Root]:
    """Where the interpreter and the standard library keep state."""
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
    yield from run.roots
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
    sockets = sys.modules.get("socket")
    if sockets is not None:
        yield Root(
            "the time-out of new sockets", sockets.getdefaulttimeout, sockets.setdefaulttimeout
        )
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

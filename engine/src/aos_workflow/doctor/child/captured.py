"""Functions of the clock that the standard library took by reference before they were replaced.

``logging.Formatter.converter``, ``timeit.default_timer`` and defaults of functions hold what ``time`` held when their
module was imported. They get what it holds now, but for modules that keep the program itself going.
"""

from __future__ import annotations

import sys
import sysconfig
import time
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

__all__ = ["Captured"]

MACHINERY = frozenset(
    [
        "asyncio",
        "threading",
        "queue",
        "selectors",
        "concurrent",
        "subprocess",
        "multiprocessing",
        "importlib",
        "socketserver",
    ]
)


class Captured:
    """What ``time`` held before anything was replaced."""

    def __init__(self) -> None:
        self.before = {
            n: v for n, v in vars(time).items() if callable(v) and not isinstance(v, type)
        }

    def replace(self) -> None:
        """Let everybody who holds a replaced function hold what replaced it."""
        now: dict[int, Any] = {}
        for name, original in self.before.items():
            held = getattr(time, name)
            if held is original:
                continue
            if isinstance(held, FunctionType):
                held = _unbound(held)
                setattr(time, name, held)
            now[id(original)] = held
        for module in list(sys.modules.values()):
            if module is not time and _concerned(module):
                _in_namespace(module, now)


def _unbound(function: FunctionType) -> Callable[..., Any]:
    """The same, but no method of the class that it becomes an attribute of, just as the original."""
    return staticmethod(function)


def _concerned(module: Any) -> bool:
    if not isinstance(module, ModuleType) or module.__name__.partition(".")[0] in MACHINERY:
        return False
    file = getattr(module, "__file__", None) or ""
    return file.startswith(_LIBRARY) and "site-packages" not in file


_LIBRARY = sysconfig.get_paths()["stdlib"]


def _in_namespace(owner: Any, now: dict[int, Any]) -> None:
    for name, value in list(vars(owner).items()):
        if id(value) in now:
            setattr(owner, name, now[id(value)])
        elif isinstance(value, type) and value.__module__ == getattr(owner, "__name__", ""):
            _in_namespace(value, now)
        elif isinstance(value, FunctionType):
            _in_defaults(value, now)


def _in_defaults(function: FunctionType, now: dict[int, Any]) -> None:
    if any(id(value) in now for value in function.__defaults__ or ()):
        function.__defaults__ = tuple(now.get(id(v), v) for v in function.__defaults__ or ())
    named: dict[str, Any] = function.__kwdefaults__ or {}
    named.update({name: now[id(value)] for name, value in named.items() if id(value) in now})

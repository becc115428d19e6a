"""The clock on the wall, for code that looks at it past ``ctx``: moved, or stopped, while a block runs.

Only what tells the date is moved; durations go on. Modules that took a function or class by name (``from time import
time``) are given the other one too, if they are among ``namespaces``.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

__all__ = ["frozen_clock", "moved_clock", "replaced"]

_real_datetime: Any = dt.datetime
_real_date: Any = dt.date
_time, _time_ns, _gmtime, _localtime = time.time, time.time_ns, time.gmtime, time.localtime
_strftime, _ctime, _asctime = time.strftime, time.ctime, time.asctime
_FROZEN_AT_S = 1_781_691_456.0
_moved_by = [0.0]
Spaces = tuple[dict[str, Any], ...]
_MODULES = (time, dt, os, random)


@contextmanager
def moved_clock(shift_s: float, namespaces: Spaces) -> Iterator[None]:
    """The date is off by so many seconds."""
    before, _moved_by[0] = _moved_by[0], shift_s
    try:
        with replaced(_moved_clocks(), namespaces):
            yield
    finally:
        _moved_by[0] = before


@contextmanager
def frozen_clock(namespaces: Spaces) -> Iterator[None]:
    """No time passes at all."""
    stopped = _clocks(lambda: _FROZEN_AT_S)
    for name in ("monotonic", "perf_counter", "process_time", "thread_time"):
        stopped[getattr(time, name)] = lambda: 1000.0
        stopped[getattr(time, f"{name}_ns")] = lambda: 1000 * 10**9
    with replaced(stopped, namespaces):
        yield


@contextmanager
def replaced(others: Mapping[Any, Any], namespaces: Spaces) -> Iterator[None]:
    """Each object is another one: in the standard modules that hold it, and in the given namespaces."""
    by_id = {id(real): other for real, other in others.items()}
    changed = _places(tuple(others), namespaces)
    for place, name, value in changed:
        place[name] = by_id[id(value)]
    try:
        yield
    finally:
        for place, name, value in changed:
            place[name] = value


@lru_cache(maxsize=1)
def _moved_clocks() -> dict[Any, Any]:
    return _clocks(lambda: _time() + _moved_by[0])


Place = tuple[dict[str, Any], str, Any]
_KNOWN: dict[tuple[tuple[int, ...], ...], tuple[Spaces, list[Place]]] = {}


def _places(objects: tuple[Any, ...], namespaces: Spaces) -> list[Place]:
    """Where the objects are held: looked for once, for modules hold many things."""
    key = (tuple(map(id, objects)), tuple(map(id, namespaces)))
    if key not in _KNOWN:
        wanted = {id(each) for each in objects}
        spaces = [vars(module) for module in _MODULES] + list(namespaces)
        places = [
            (space, name, value)
            for space in spaces
            for name, value in list(space.items())
            if id(value) in wanted
        ]
        _KNOWN[key] = (namespaces, places)  # with the namespaces, so that no other gets their ids
    return _KNOWN[key][1]


def _clocks(now_s: Callable[[], float]) -> dict[Any, Any]:
    """What tells the date, by what it stands for."""

    def strftime(form: str, when: Any = None, /) -> str:
        return _strftime(form, _localtime(now_s()) if when is None else when)

    def asctime(when: Any = None, /) -> str:
        return _asctime(_localtime(now_s()) if when is None else when)

    return {
        _time: now_s,
        _time_ns: lambda: int(now_s() * 1e9),
        _gmtime: lambda seconds=None, /: _gmtime(now_s() if seconds is None else seconds),
        _localtime: lambda seconds=None, /: _localtime(now_s() if seconds is None else seconds),
        _ctime: lambda seconds=None, /: _ctime(now_s() if seconds is None else seconds),
        _strftime: strftime,
        _asctime: asctime,
        _real_datetime: _datetime(now_s),
        _real_date: _date(now_s),
    }


class _Like(type):
    """The class of a class whose instances are those of another one."""

    real: type

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.real)


def _datetime(now_s: Callable[[], float]) -> type:
    class datetime(_real_datetime, metaclass=_Like):  # type: ignore[misc]  # noqa: N801
        real = _real_datetime

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return _real_datetime(*args, **kwargs)

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return _real_datetime.fromtimestamp(now_s(), tz)

        @classmethod
        def utcnow(cls) -> Any:
            return _real_datetime.fromtimestamp(now_s(), dt.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return _real_datetime.fromtimestamp(now_s())

    return datetime


def _date(now_s: Callable[[], float]) -> type:
    class date(_real_date, metaclass=_Like):  # type: ignore[misc]  # noqa: N801
        real = _real_date

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return _real_date(*args, **kwargs)

        @classmethod
        def today(cls) -> Any:
            return _real_datetime.fromtimestamp(now_s()).date()

    return date

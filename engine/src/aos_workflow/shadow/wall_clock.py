"""The clock on the wall, for code that looks at it past ``ctx``: moved, or stopped, while a block runs.

Only what tells the date is moved; durations go on. Modules that took a function or class by name (``from time import
time``) are given the other one too, if they are among ``namespaces``.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

__all__ = ["frozen_clock", "moved_clock", "replaced"]

_real_datetime: Any = dt.datetime
_real_date: Any = dt.date
_time, _gmtime, _localtime = time.time, time.gmtime, time.localtime
_strftime, _ctime, _asctime = time.strftime, time.ctime, time.asctime
_FROZEN_AT_S = 1_781_691_456.0
_MODULES = (time, dt, os, random)


@contextmanager
def moved_clock(shift_s: float, namespaces: Iterable[dict[str, Any]]) -> Iterator[None]:
    """The date is off by so many seconds."""
    with replaced(_clocks(lambda: _time() + shift_s), namespaces):
        yield


@contextmanager
def frozen_clock(namespaces: Iterable[dict[str, Any]]) -> Iterator[None]:
    """No time passes at all."""
    stopped = _clocks(lambda: _FROZEN_AT_S)
    for name in ("monotonic", "perf_counter", "process_time", "thread_time"):
        stopped[getattr(time, name)] = lambda: 1000.0
        stopped[getattr(time, f"{name}_ns")] = lambda: 1000 * 10**9
    with replaced(stopped, namespaces):
        yield


@contextmanager
def replaced(others: Mapping[Any, Any], namespaces: Iterable[dict[str, Any]]) -> Iterator[None]:
    """Each object is another one: in the standard modules that hold it, and in the given namespaces."""
    by_id = {id(real): (real, other) for real, other in others.items()}
    places = [vars(module) for module in _MODULES] + list(namespaces)
    changed = [
        (place, name, value)
        for place in places
        for name, value in list(place.items())
        if id(value) in by_id
    ]
    for place, name, value in changed:
        place[name] = by_id[id(value)][1]
    try:
        yield
    finally:
        for place, name, value in changed:
            place[name] = value


def _clocks(now_s: Callable[[], float]) -> dict[Any, Any]:
    """What tells the date, by what it stands for."""

    def strftime(form: str, when: Any = None, /) -> str:
        return _strftime(form, _localtime(now_s()) if when is None else when)

    def asctime(when: Any = None, /) -> str:
        return _asctime(_localtime(now_s()) if when is None else when)

    return {
        _time: now_s,
        time.time_ns: lambda: int(now_s() * 1e9),
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

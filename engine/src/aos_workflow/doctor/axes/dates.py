"""``datetime.datetime`` and ``datetime.date`` with a clock of ours."""

from __future__ import annotations

import datetime as dt
import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable
from typing import Any

from aos_workflow.doctor.child import bases

__all__ = ["control"]

Read = Callable[[str], float | None]
NATIVE = frozenset({"pandas"})
_real_datetime: Any = dt.datetime
_real_date: Any = dt.date


class _Meta(type):
    def __instancecheck__(cls, instance: object) -> bool:
        base = _BASE_OF.get(cls)
        return type.__instancecheck__(cls, instance) if base is None else isinstance(instance, base)

    def __subclasscheck__(cls, subclass: type) -> bool:
        base = _BASE_OF.get(cls)
        return type.__subclasscheck__(cls, subclass) if base is None else issubclass(subclass, base)


_BASE_OF: dict[type, type] = {}


def control(read: Read, start: float) -> None:  # noqa: C901
    """``datetime`` and ``date`` whose current instant is what ``read(name)`` says, in seconds since 1970."""

    class date(_real_date, metaclass=_Meta):  # type: ignore[misc]  # noqa: N801
        """``datetime.date``."""

        @classmethod
        def today(cls) -> Any:
            """The day of the virtual clock."""
            found = read("date.today")
            if found is None:
                return _real_date.__dict__["today"].__get__(None, cls)()
            return cls.fromordinal(_real_date.fromtimestamp(found).toordinal())

        def __reduce_ex__(self, protocol: Any) -> Any:
            return (_real_date, (self.year, self.month, self.day))

    class datetime(_real_datetime, metaclass=_Meta):  # type: ignore[misc]  # noqa: N801
        """``datetime.datetime``."""

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            """The instant of the virtual clock."""
            found = read("datetime.now")
            if found is None:
                return _real_datetime.__dict__["now"].__get__(None, cls)(tz)
            return cls._of(_real_datetime.fromtimestamp(found, tz))

        @classmethod
        def utcnow(cls) -> Any:
            """The instant of the virtual clock."""
            found = read("datetime.utcnow")
            if found is None:
                found = start
            return cls._of(_real_datetime.fromtimestamp(found, dt.UTC).replace(tzinfo=None))

        @classmethod
        def today(cls) -> Any:
            """The instant of the virtual clock."""
            found = read("datetime.today")
            return cls._of(_real_datetime.fromtimestamp(start if found is None else found))

        @classmethod
        def _of(cls, real: Any) -> Any:
            parts = (real.year, real.month, real.day, real.hour, real.minute, real.second)
            return cls(*parts, real.microsecond, real.tzinfo, fold=real.fold)

        def date(self) -> Any:
            """Its day."""
            return date(self.year, self.month, self.day)

        def __reduce_ex__(self, protocol: Any) -> Any:
            return _real_datetime(
                self.year,
                self.month,
                self.day,
                self.hour,
                self.minute,
                self.second,
                self.microsecond,
                self.tzinfo,
                fold=self.fold,
            ).__reduce_ex__(protocol)

    for ours, real in ((date, _real_date), (datetime, _real_datetime)):
        _BASE_OF[ours] = real
        ours.__module__, ours.__qualname__ = "datetime", real.__name__
        ours.__get_pydantic_core_schema__ = classmethod(_schema(f"{real.__name__}_schema"))
    bases.control(date, datetime)
    _put(date, datetime)
    sys.meta_path.insert(0, _Native())


def _schema(name: str) -> Callable[..., Any]:
    """For pydantic, which knows the real classes by identity."""

    def schema(cls: type, source: Any, handler: Any) -> Any:
        return getattr(importlib.import_module("pydantic_core.core_schema"), name)()

    return schema


def _put(date: Any, datetime: Any) -> None:
    dt.date, dt.datetime = date, datetime  # type: ignore[misc]


class _Native(importlib.abc.MetaPathFinder):
    """Lets libraries that are compiled against the real ``datetime`` be loaded with it: with another they crash."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """The spec, with a loader that puts the real classes in place meanwhile."""
        if fullname not in NATIVE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _NativeLoader(spec.loader)
        return spec


class _NativeLoader(importlib.abc.Loader):
    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def create_module(self, spec: Any) -> Any:
        return self.inner.create_module(spec)

    def exec_module(self, module: Any) -> None:
        ours: Any = (dt.date, dt.datetime)
        _put(_real_date, _real_datetime)
        try:
            self.inner.exec_module(module)
        finally:
            _put(*ours)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

"""Local time zone: conversions of given instants. The zone of *now* belongs to the clock."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable
from typing import Any

from aos_workflow.doctor.axes.clock import START
from aos_workflow.doctor.child.run import Reading, Run

NAME = "timezone"
LABEL = "locale-timezone"
NOW_S = 3600.0


def provoke(budget: str) -> list[Any]:
    """Zones behind and ahead of UTC, with half hours and other hemispheres."""
    zones = ["America/New_York", "Pacific/Auckland"]
    return (
        zones
        if budget == "quick"
        else [*zones, "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Pago_Pago"]
    )


def control(run: Run) -> dict[str, Any]:
    """Conversions in UTC."""
    for name in ("localtime", "ctime", "mktime"):
        setattr(time, name, _converting(run, getattr(time, name), f"time.{name}", _given))
    time.strftime = _converting(run, time.strftime, "time.strftime", _zone_in_format)
    _dates(run)
    return {}


def _given(args: tuple[Any, ...]) -> bool:
    return bool(args) and args[0] is not None and not is_now(args[0])


def is_now(instant: Any) -> bool:
    """Whether an instant is one that the frozen clock gives."""
    return isinstance(instant, int | float) and abs(instant - START) < NOW_S


def _zone_in_format(args: tuple[Any, ...]) -> bool:
    return len(args) > 1 and ("%Z" in args[0] or "%z" in args[0] or "%s" in args[0])


def _converting(run: Run, original: Any, name: str, concerns: Callable[[Any], bool]) -> Any:
    def function(*args: Any) -> Any:
        reading = run.visit(NAME, name, count=False) if concerns(args) else None
        return original(*args) if reading is None else within(reading, lambda: original(*args))

    function.__name__, function.__module__ = name.rpartition(".")[2], "time"
    return function


def within(reading: Reading, call: Callable[[], Any]) -> Any:
    """Call in the zone that is wanted at this reading."""
    if reading.variant is None:
        return call()
    before = os.environ.get("TZ")
    os.environ["TZ"] = _rule(str(reading.variant))
    time.tzset()
    try:
        return call()
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


RULES = {
    "America/New_York": "EST5EDT,M3.2.0,M11.1.0",
    "Pacific/Auckland": "NZST-12NZDT,M9.5.0,M4.1.0/3",
    "Asia/Kolkata": "IST-5:30",
    "Pacific/Kiritimati": "<+14>-14",
    "Pacific/Pago_Pago": "SST11",
}


def _rule(zone: str) -> str:
    """The zone as a POSIX rule, which needs no database."""
    return RULES.get(zone, zone)


def _dates(run: Run) -> None:
    real_datetime: Any = dt.datetime
    real_date: Any = dt.date
    base: Any = real_datetime.__mro__[1]
    date_base: Any = real_date.__mro__[1]

    def convert(name: str, call: Callable[[], Any], concerns: bool) -> Any:
        reading = run.visit(NAME, name, depth=3, count=False) if concerns else None
        return call() if reading is None else within(reading, call)

    def fromtimestamp(cls: Any, timestamp: float, tz: Any = None) -> Any:
        call = lambda: base.__dict__["fromtimestamp"].__get__(None, cls)(timestamp, tz)  # noqa: E731
        return convert("datetime.fromtimestamp", call, tz is None and not is_now(timestamp))

    def timestamp(self: Any) -> float:
        return convert("datetime.timestamp", lambda: base.timestamp(self), self.tzinfo is None)  # type: ignore[no-any-return]

    def astimezone(self: Any, tz: Any = None) -> Any:
        concerns = tz is None or self.tzinfo is None
        return convert("datetime.astimezone", lambda: base.astimezone(self, tz), concerns)

    def date_fromtimestamp(cls: Any, timestamp: float) -> Any:
        call = lambda: date_base.__dict__["fromtimestamp"].__get__(None, cls)(timestamp)  # noqa: E731
        return convert("date.fromtimestamp", call, not is_now(timestamp))

    real_datetime.fromtimestamp = classmethod(fromtimestamp)
    real_datetime.timestamp = timestamp
    real_datetime.astimezone = astimezone
    real_date.fromtimestamp = classmethod(date_fromtimestamp)

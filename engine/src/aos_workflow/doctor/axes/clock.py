"""The clock: a virtual one that starts at a fixed instant and moves a little with every read.

Variants are ``(offset in seconds, jitter)``. Offsets show values of the clock in the output and instants that steer the
program; jitter makes time pass between reads, which shows measured durations and time budgets.
"""

from __future__ import annotations

import calendar
import os
import sys
import time
from typing import Any

from aos_workflow.doctor.axes import dates
from aos_workflow.doctor.child import schedule
from aos_workflow.doctor.child.run import LANE, Reading, Run

NAME = "clock"
LABEL = "wall-clock"
DAY = 86_400.0
START = 1_781_691_456.789012  # 2026-06-17T10:17:36.789012Z, a Wednesday
TICK = 0.0001
DURATIONS = frozenset({"monotonic", "perf_counter", "process_time", "thread_time"})
MACHINERY = frozenset(
    [
        "asyncio",
        "threading",
        "queue",
        "selectors",
        "concurrent",
        "subprocess",
        "multiprocessing",
        "socketserver",
    ]
)
STEADY = frozenset({"sched"})
"""Who waits for instants of its own clock: the start of that clock is let go, not the time between two reads."""
_gmtime, _localtime, _strftime = time.gmtime, time.localtime, time.strftime
_asctime, _ctime = time.asctime, time.ctime


def provoke(budget: str) -> list[Any]:
    """Jumps and jitter; then the instants at which something ends."""
    quick: list[Any] = [[1.0, 0], [40 * DAY + 13 * 3600 + 601.5, 0], [0.0, 1]]
    if budget == "quick":
        return quick
    return [*quick, [3600.0, 0], [13 * 3600.0, 0], [DAY, 0], [182 * DAY, 0], [0.0, 2], *INSTANTS]


def _instant(*when: int) -> float:
    """Seconds since 1970 of a time in UTC."""
    return calendar.timegm((*when[:6], 0, 0, 0)) + (when[6] / 1e6 if len(when) > 6 else 0.0)


INSTANTS: list[Any] = [
    [_instant(*when) - START, jitter]
    for when, jitter in (
        ((2026, 6, 17, 23, 59, 59, 900_000), 3),  # midnight passes between two reads
        ((2026, 6, 30, 23, 59, 59, 900_000), 3),
        ((2026, 12, 31, 23, 59, 59, 900_000), 3),
        ((2028, 2, 29, 12, 0, 0), 0),
        ((2026, 6, 20, 9, 0, 0), 0),  # a Saturday
        ((2026, 3, 29, 1, 30, 0), 0),
        ((2026, 11, 1, 5, 30, 0), 0),
        ((2027, 1, 1, 0, 0, 0), 0),
    )
]


def drives(budget: str) -> list[Any]:
    """Instants that step through every second, minute, hour, weekday and day of a month at once."""
    count = 16 if budget == "quick" else 64
    return [
        [i * (DAY + 3661.016667) + i * 1e-6 * (i % 7), 0 if i % 4 else 1] for i in range(1, count)
    ]


class Clock:
    """The virtual clock of a process."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def read(self, name: str, depth: int = 3) -> float | None:
        """Seconds since 1970, or ``None`` if it is the machinery that asks."""
        run = self.run
        asks = sys._getframe(depth - 1).f_globals.get("__name__", "").partition(".")[0]
        if not run.active or asks in MACHINERY:
            return None
        reading = run.visit(NAME, name, depth=depth)
        if reading is None:
            return None
        lane = LANE.get()
        run.clock_reads[lane] = read = run.clock_reads.get(lane, 0) + 1
        now = START + schedule.elapsed() + TICK * read
        if reading.variant is not None:
            offset, jitter = reading.variant
            if asks in STEADY or name.split(".")[-1].removesuffix("_ns") not in DURATIONS:
                now += offset
            now += 0.0 if asks in STEADY else _jittered(reading, jitter)
        reading.note(now)
        return now


def _jittered(reading: Reading, jitter: int) -> float:
    """Time that passed unnoticed: it grows with every read at a line, and never goes back."""
    if not jitter:
        return 0.0
    if jitter == 3:
        return 0.06 * reading.run.clock_reads.get(reading.lane, 1)
    step = {1: 0.7301, 2: 0.000137}[jitter]
    return reading.run.sequence * step * (1 + (reading.place[1] % 7) / 50)


def control(run: Run) -> dict[str, Any]:
    """Every clock of ``time`` and ``datetime``."""
    clock = Clock(run)
    for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
        if hasattr(time, name):
            setattr(time, name, _seconds(clock, name))
            setattr(time, f"{name}_ns", _nanoseconds(clock, f"{name}_ns"))
    time.clock_gettime = _clock_gettime(clock, time.clock_gettime, 1)
    time.clock_gettime_ns = _clock_gettime(clock, time.clock_gettime_ns, 10**9)
    _broken_down(clock)
    dates.control(clock.read, START)
    _files(run)
    return {}


def _seconds(clock: Clock, name: str) -> Any:
    original = getattr(time, name)
    virtual = name == "monotonic"

    def function() -> float:
        found = clock.read(f"time.{name}")
        if found is None:
            return schedule.machine_time() if virtual and clock.run.active else original()
        return round(found, 6)

    function.__name__, function.__module__ = name, "time"
    return function


def _nanoseconds(clock: Clock, name: str) -> Any:
    original = getattr(time, name)

    def function() -> int:
        found = clock.read(f"time.{name}")
        return original() if found is None else int(found * 1e6) * 1000 + int(found * 1e6) % 977

    function.__name__, function.__module__ = name, "time"
    return function


def _clock_gettime(clock: Clock, original: Any, scale: int) -> Any:
    def function(which: int) -> Any:
        name = "time" if which == time.CLOCK_REALTIME else "monotonic"
        found = clock.read(f"time.{name}")
        if found is None:
            return original(which)
        return found if scale == 1 else int(found * scale)

    return function


def _broken_down(clock: Clock) -> None:
    """The functions that take the current time when they are given none."""

    def now_or(seconds: Any, name: str) -> Any:
        if seconds is not None:
            return seconds
        found = clock.read(f"time.{name}", depth=4)
        return found

    def gmtime(seconds: Any = None, /) -> Any:
        return _gmtime(now_or(seconds, "gmtime"))

    def localtime(seconds: Any = None, /) -> Any:
        return _localtime(now_or(seconds, "localtime"))

    def ctime(seconds: Any = None, /) -> str:
        return _ctime(now_or(seconds, "ctime"))

    def asctime(when: Any = None, /) -> str:
        return _asctime(_localtime(now_or(None, "asctime")) if when is None else when)

    def strftime(form: str, when: Any = None, /) -> str:
        return _strftime(form, _localtime(now_or(None, "strftime")) if when is None else when)

    for function in (gmtime, localtime, ctime, asctime, strftime):
        function.__module__ = "time"
        setattr(time, function.__name__, function)


def _files(run: Run) -> None:
    """Times of files that the run itself wrote."""
    began = time.time() - 1.0
    stat, lstat = os.stat, os.lstat

    def virtual(real: float, name: str) -> float:
        reading = run.visit(NAME, name, depth=3)
        if reading is None:
            return real
        offset, jitter = reading.variant or (0.0, 0)
        return START + float(offset) + (_jittered(reading, jitter) if jitter else 0.0)

    def getter(name: str, original: Any) -> Any:
        def function(path: Any) -> float:
            real = original(path)
            return virtual(real, f"os.path.{name}") if run.active and real > began else real

        return function

    for name in ("getmtime", "getctime", "getatime"):
        setattr(os.path, name, getter(name, getattr(os.path, name)))

    def with_times(original: Any, name: str) -> Any:
        def function(path: Any, *args: Any, **kwargs: Any) -> Any:
            found = original(path, *args, **kwargs)
            if not run.active or found.st_mtime <= began:
                return found
            frame: Any = sys._getframe(1)
            while frame is not None and frame.f_globals.get("__name__", "").startswith(
                ("pathlib", "aos_workflow.")
            ):
                frame = frame.f_back
            if frame is None or frame.f_code.co_filename not in run.files:
                return found
            inode = run.visit("volatile", "inode", count=False)
            number = (
                100_000
                if inode is None or inode.variant is None
                else 200_000 + ord(str(inode.variant)[0])
            )
            return _with_time(found, virtual(found.st_mtime, name), number)

        function.__name__ = name.rpartition(".")[2]
        return function

    os.stat, os.lstat = with_times(stat, "os.stat"), with_times(lstat, "os.lstat")


def _with_time(found: os.stat_result, now: float, inode: int) -> os.stat_result:
    """The same with all three times set, and the inode."""
    plain = [found[0], inode, *found[2:7], *([int(now)] * 3)]
    names = [name for name in dir(found) if name.startswith("st_")]
    values = {name: getattr(found, name) for name in names}
    values["st_ino"] = inode
    for kind in ("atime", "mtime", "ctime"):
        values |= {f"st_{kind}": now, f"st_{kind}_ns": int(now * 1e6) * 1000}
    return os.stat_result(plain, values)

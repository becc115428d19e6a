"""Thread schedule: which thread runs next, and the order in which results are taken."""

from __future__ import annotations

import concurrent.futures as futures
import concurrent.futures.thread
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from aos_workflow.doctor.axes import limits
from aos_workflow.doctor.child.locks import child_lane, install
from aos_workflow.doctor.child.run import LANE, SPAWNED, Run
from aos_workflow.doctor.child.schedule import scheduler

NAME = "threads"
LABEL = "thread-race"
MACHINERY = (
    "concurrent.",
    "threading",
    "asyncio.",
    "multiprocessing.",
    "socketserver",
    "subprocess",
)


def provoke(budget: str) -> list[Any]:
    """Schedules by their seed."""
    return ["back", "a"] if budget == "quick" else ["back", *"abcdefghijk"]


def control(run: Run) -> dict[str, Any]:
    """Threads under the scheduler, results of pools in the order of submission."""
    install(run)
    pool = concurrent.futures.thread.ThreadPoolExecutor
    pool.submit = _submit(run, pool.submit)  # type: ignore[method-assign]
    threading.Thread.start = _start(run, threading.Thread.start)  # type: ignore[method-assign]
    limits.control(run)
    original = futures.as_completed

    def as_completed(fs: Iterable[Any], timeout: float | None = None) -> Iterator[Any]:
        given = list(dict.fromkeys(fs))
        reading = run.visit(NAME, "as_completed", count=False)
        if reading is None:
            return original(given, timeout)
        if reading.thaw is None:
            return _in_order(given, timeout)
        return _as_they_come(given, timeout)

    futures.as_completed = futures._base.as_completed = as_completed
    return {}


def _start(run: Run, original: Any) -> Any:
    """Threads whose work takes time: those of pools have theirs item by item, timers only wait."""

    def start(self: threading.Thread) -> None:
        own, body = vars(self).get("run"), self.run
        target = getattr(self, "_target", None) or body
        if not run.active or (getattr(target, "__module__", None) or "").startswith(MACHINERY):
            original(self)
            return

        def restore() -> None:
            vars(self).pop("run", None)
            if own is not None:
                self.run = own  # type: ignore[method-assign]

        def work() -> None:
            restore()
            scheduler.toil()
            body()

        self.run = work  # type: ignore[method-assign]
        try:
            original(self)
        except RuntimeError:  # started already, or there is no room for one more
            restore()
            raise

    return start


def _submit(run: Run, original: Any) -> Any:
    def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        if not run.active:
            return original(self, fn, *args, **kwargs)
        lane = child_lane(run)
        frame = run.user_frame(2)
        origin = frame and (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname)

        def work() -> Any:
            tokens = LANE.set(lane), SPAWNED.set(origin or SPAWNED.get())
            scheduler.pause()
            scheduler.toil()
            try:
                return fn(*args, **kwargs)
            finally:
                scheduler.pause()
                LANE.reset(tokens[0])
                SPAWNED.reset(tokens[1])

        future = original(self, work)
        future._aos_number = int(lane.rpartition(".")[2])
        return future

    return submit


def _in_order(given: list[Any], timeout: float | None) -> Iterator[Any]:
    end = None if timeout is None else scheduler.now + timeout
    for future in given:
        left = None if end is None else max(0.0, end - scheduler.now)
        if not futures.wait([future], left).done:
            raise TimeoutError(f"{future} (of {len(given)}) unfinished")
        yield future


def _as_they_come(given: list[Any], timeout: float | None) -> Iterator[Any]:
    come: list[Any] = []
    end = None if timeout is None else scheduler.now + timeout
    for future in given:
        future.add_done_callback(come.append)
    if scheduler.choices is not None:
        scheduler.choices.shuffle(come)
    for position in range(len(given)):
        left = None if end is None else max(0.0, end - scheduler.now)
        if not scheduler.wait(lambda need=position + 1: len(come) >= need, left):  # type: ignore[misc]
            raise TimeoutError(f"{len(given) - position} (of {len(given)}) futures unfinished")
        yield come[position]

"""Locks, sleeping, and starting and joining threads, under the scheduler.

Locks made by ``threading`` are ours, so everything that is built on them (conditions, events, queues, futures, pools)
follows.
"""

from __future__ import annotations

import _thread
import threading
import time
from typing import Any

from aos_workflow.doctor.child.run import LANE, SPAWNED, Run
from aos_workflow.doctor.child.schedule import machine_time, real_sleep, scheduler

__all__ = ["Lock", "child_lane", "install"]

allocate = _thread.allocate_lock


class Lock:
    """``threading.Lock``."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = allocate()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As ``threading.Lock.acquire``."""
        if self._lock.acquire(False):
            return True
        if not blocking:
            return False
        end = None if timeout < 0 else scheduler.now + timeout
        while end is None or scheduler.now < end:
            scheduler.wait(self._free, None if end is None else end - scheduler.now)
            if self._lock.acquire(False):
                return True
        return False

    def _free(self) -> bool:
        return not self._lock.locked()

    def release(self) -> None:
        """As ``threading.Lock.release``."""
        self._lock.release()

    def locked(self) -> bool:
        """As ``threading.Lock.locked``."""
        return self._lock.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _at_fork_reinit(self) -> None:
        self._lock = allocate()


def install(run: Run) -> None:
    """Put locks, sleeping and starting threads under the scheduler."""
    import queue

    threading.Lock = threading._allocate_lock = Lock  # type: ignore[assignment,attr-defined]
    threading._CRLock = None  # type: ignore[attr-defined]
    queue.SimpleQueue = queue._PySimpleQueue  # type: ignore[misc,attr-defined]
    for name in ("_start_new_thread", "_start_joinable_thread"):
        if hasattr(threading, name):
            setattr(threading, name, _starting(run, getattr(threading, name)))
    _thread.start_new_thread = _starting(run, _thread.start_new_thread)
    threading.Thread.start = _thread_start(threading.Thread.start)  # type: ignore[method-assign]
    threading.Thread.join = _thread_join(threading.Thread.join)  # type: ignore[method-assign]
    threading.Thread.is_alive = _thread_is_alive(threading.Thread.is_alive)  # type: ignore[method-assign]
    time.sleep = _sleep(run)
    import subprocess

    threading._time = queue.time = subprocess._time = machine_time  # type: ignore[attr-defined]


def _starting(run: Run, original: Any) -> Any:
    def start(function: Any, *args: Any, **kwargs: Any) -> Any:
        if not run.active:
            scheduler.strangers = True
            return original(function, *args, **kwargs)
        fiber = scheduler.spawn()
        lane = child_lane(run)
        frame = run.user_frame(2)
        origin = frame and (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname)
        owner = getattr(function, "__self__", None)
        if isinstance(owner, threading.Thread):
            owner._aos_fiber = fiber  # type: ignore[attr-defined]

        def body(*inner: Any, **named: Any) -> None:
            scheduler.enter(fiber)
            LANE.set(lane)
            SPAWNED.set(origin or None)
            try:
                function(*inner, **named)
            finally:
                scheduler.leave(fiber)

        return original(body, *args, **kwargs)

    return start


def child_lane(run: Run) -> str:
    """The lane of what the running code starts next."""
    lane = LANE.get()
    run.children[lane] = number = run.children.get(lane, 0) + 1
    return f"{lane}.{number}"


def _thread_start(original: Any) -> Any:
    def start(self: threading.Thread) -> None:
        own, body = vars(self).get("run"), self.run

        def restore() -> None:
            vars(self).pop("run", None)
            if own is not None:
                self.run = own  # type: ignore[method-assign]

        def run() -> None:
            restore()
            scheduler.pause()  # who started it may get ahead
            body()

        self.run = run  # type: ignore[method-assign]
        try:
            original(self)
        except RuntimeError:  # started already, or there is no room for one more
            restore()
            raise
        scheduler.pause()

    return start


def _thread_join(original: Any) -> Any:
    def join(self: threading.Thread, timeout: float | None = None) -> None:
        fiber = getattr(self, "_aos_fiber", None)
        if fiber is None or self is threading.current_thread():
            original(self, timeout)
        elif scheduler.wait(lambda: fiber.state == "done", timeout):
            original(self)

    return join


def _thread_is_alive(original: Any) -> Any:
    def is_alive(self: threading.Thread) -> bool:
        fiber = getattr(self, "_aos_fiber", None)
        if fiber is None:
            return bool(original(self))
        return fiber.state != "done"  # type: ignore[no-any-return]

    return is_alive


def _sleep(run: Run) -> Any:
    def sleep(seconds: float, /) -> None:
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        if run.active:
            scheduler.sleep(float(seconds))
        else:
            real_sleep(seconds)

    sleep.__module__ = "time"
    return sleep

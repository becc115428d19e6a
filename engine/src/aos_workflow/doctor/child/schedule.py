"""Threads one at a time, in an order that is chosen, on virtual time.

Real threads, but only the one that holds the *turn* runs. It passes the turn on where it would block (locks, joins,
sleeps, selectors) and, when threads are let go, at the points where others may get ahead of it. Sleeping takes no time:
when nobody can run, the clock moves to the next deadline.
"""

from __future__ import annotations

import _thread
import random
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["DeadlockError", "Scheduler", "elapsed", "machine_time", "real_sleep", "scheduler"]

_allocate = _thread.allocate_lock
_get_ident = _thread.get_ident
_monotonic = time.monotonic
_Random = random.Random
MACHINE_START = 1000.0
STRANGERS_LIMIT_S = 10.0
MAX_SWITCHES = 2_000_000
TOIL_S = (0.0, 0.0, 0.002, 0.02)
"""What a piece of work may take."""


class DeadlockError(RuntimeError):
    """No thread can ever run again."""


class Fiber:
    """A thread as the scheduler sees it."""

    __slots__ = ("deadline", "index", "ready", "since", "state", "turn")

    def __init__(self, index: int) -> None:
        self.index = index
        self.turn = _allocate()
        self.turn.acquire()
        self.state = "ready"
        self.ready: Callable[[], bool] | None = None
        self.deadline: float | None = None
        self.since = 0


class Backwards:
    """Choices that let the last come first."""

    def __init__(self) -> None:
        self.drawn = 0

    def random(self) -> float:
        """Always enough to be overtaken."""
        return 0.9

    def choice(self, among: Any) -> Any:
        """The last."""
        return among[-1]

    def uniform(self, low: float, high: float) -> float:
        """Less with every draw."""
        self.drawn += 1
        return low + (high - low) / (1 + self.drawn / 4)

    def shuffle(self, values: list[Any]) -> None:
        """Turn round."""
        values.reverse()


class Scheduler:
    """Who runs next."""

    def __init__(self) -> None:
        self.mutex = _allocate()
        self.now = 0.0
        self.fibers: list[Fiber] = []
        self.by_ident: dict[int, Fiber] = {}
        self.running: Fiber | None = None
        self.choices: Any = None
        self.variant: str | None = None
        self.serial = 0
        self.alone = True
        self.broken = False
        self.strangers = False
        """Whether there are threads that are not ours: they were started while nobody looked, by a test runner."""

    def begin(self, variant: str | None) -> None:
        """Start a call: this thread is the only one, or what is left of others is forgotten."""
        self.variant = variant
        self.choices = (
            None if variant is None else (Backwards() if variant == "back" else _Random(variant))
        )
        if not self.fibers:
            fiber = Fiber(0)
            self.fibers.append(fiber)
            self.running = fiber
            self.by_ident[_get_ident()] = fiber

    @property
    def me(self) -> Fiber | None:
        """The fiber of the calling thread; ``None`` for a thread that is not ours."""
        return self.by_ident.get(_get_ident())

    def spawn(self) -> Fiber:
        """A fiber for a thread that is about to start."""
        self.serial += 1
        fiber = Fiber(len(self.fibers))
        fiber.since = self.serial
        self.fibers.append(fiber)
        self.alone = False
        return fiber

    def enter(self, fiber: Fiber) -> None:
        """Called first by the new thread: wait for the turn."""
        self.by_ident[_get_ident()] = fiber
        fiber.turn.acquire()

    def leave(self, fiber: Fiber) -> None:
        """Called last by a thread: it needs no turn any more."""
        fiber.state = "done"
        self.by_ident.pop(_get_ident(), None)
        self.alone = sum(f.state != "done" for f in self.fibers) == 1
        with self.mutex:
            self._pass_on(self._choose())

    def wait(self, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        """Block until ``ready()``; whether it became so within ``timeout`` virtual seconds."""
        me = self.me
        if me is None:
            return _poll(ready, timeout)
        deadline = None if timeout is None or timeout < 0 else self.now + timeout
        if self.alone:
            if ready():
                return True
            if self.strangers:
                return _poll(ready, timeout)
            if deadline is None:
                self.broken = True
                raise DeadlockError("the only thread waits for what nobody does")
            self.now = max(self.now, deadline)
            return ready()
        me.state, me.ready, me.deadline = "waiting", ready, deadline
        self._switch(me)
        me.ready = None
        return ready()

    def sleep(self, seconds: float) -> None:
        """Let that much virtual time pass."""
        me = self.me
        if me is None or self.alone:
            self.now += seconds
            return
        if seconds == 0:  # only lets others go first
            me.state, me.ready, me.deadline = "ready", None, None
            self._switch(me)
            return
        if self.choices is not None:
            seconds = seconds * self.choices.uniform(0.5, 1.6) + self.choices.choice((0, 0, 0.004))
        me.state, me.ready, me.deadline = "waiting", _never, self.now + seconds
        self._switch(me)

    def toil(self) -> None:
        """Let work take time, too, if threads are let go: next to none, or some milliseconds."""
        if self.me is not None and self.choices is not None:
            self.sleep(self.choices.choice(TOIL_S))

    def pause(self) -> None:
        """A point where another thread may get ahead, if threads are let go."""
        me = self.me
        if me is None or self.alone or self.choices is None or self.choices.random() < 0.4:
            return
        me.state, me.ready, me.deadline = "ready", None, None
        self._switch(me)

    def outside(self, call: Callable[[], Any]) -> Any:
        """Run a call that blocks in the operating system, without the turn."""
        me = self.me
        if me is None or self.alone:
            return call()
        with self.mutex:
            me.state = "outside"
            self.running = None
            self._pass_on(self._choose(advance=False))
        try:
            return call()
        finally:
            with self.mutex:
                self.serial += 1
                me.since, me.ready, me.deadline = self.serial, None, None
                if self.running is None:
                    self.running, me.state = me, "running"
                else:
                    me.state = "ready"  # type: ignore[unreachable]
            if me.state == "ready":
                me.turn.acquire()

    def _switch(self, me: Fiber) -> None:
        with self.mutex:
            self.serial += 1
            if self.serial > MAX_SWITCHES:
                raise DeadlockError("threads wait for each other without end")
            me.since = self.serial
            chosen = self._choose()
            if chosen is me:
                me.state = "running"
                return
            self._pass_on(chosen)
        me.turn.acquire()

    def _pass_on(self, chosen: Fiber | None) -> None:
        self.running = chosen
        if chosen is not None:
            chosen.state = "running"
            chosen.turn.release()

    def _choose(self, *, advance: bool = True) -> Fiber | None:
        able = [f for f in self.fibers if _able(f)]
        if able:
            if self.choices is not None:
                return self.choices.choice(able)  # type: ignore[no-any-return]
            return min(able, key=lambda f: f.since)
        if any(f.state == "outside" for f in self.fibers) and not advance:
            return None
        timed = [f for f in self.fibers if f.state == "waiting" and f.deadline is not None]
        if timed:
            first = min(timed, key=lambda f: (f.deadline, f.since))
            self.now = max(self.now, first.deadline or 0.0)
            return first
        if any(f.state == "outside" for f in self.fibers):
            return None
        if self.strangers and self._helped():
            return self._choose(advance=advance)
        if any(f.state != "done" for f in self.fibers):
            self._give_up()
        return None

    def _helped(self) -> bool:
        """Whether a thread that is not ours lets one of ours go on."""
        return _poll(lambda: any(_able(f) for f in self.fibers), STRANGERS_LIMIT_S)

    def _give_up(self) -> None:
        import os

        self.broken = True
        sys.stderr.write("deadlock\n")
        os._exit(DEADLOCK)


DEADLOCK = 97


def _able(fiber: Fiber) -> bool:
    if fiber.state == "ready":
        return True
    return fiber.state == "waiting" and fiber.ready is not None and fiber.ready()


def _never() -> bool:
    return False


def _poll(ready: Callable[[], bool], timeout: float | None) -> bool:
    """Waiting in a thread that the scheduler does not know."""
    end = None if timeout is None or timeout < 0 else _monotonic() + timeout
    while not ready():
        if end is not None and _monotonic() >= end:
            return False
        real_sleep(0.0005)
    return True


real_sleep = time.sleep
scheduler = Scheduler()


def elapsed() -> float:
    """Virtual seconds that sleeping has taken."""
    return scheduler.now


def machine_time() -> float:
    """The clock of the machinery: never perturbed, and virtual where sleeping is."""
    return MACHINE_START + scheduler.now

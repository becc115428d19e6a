"""asyncio schedule: when timers fire and work in threads is done. Tasks that wait for neither keep their order."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from aos_workflow.doctor.axes.clock import NAME as CLOCK
from aos_workflow.doctor.axes.clock import TICK
from aos_workflow.doctor.axes.limits import TIMEOUT
from aos_workflow.doctor.child.locks import child_lane
from aos_workflow.doctor.child.run import LANE, Run
from aos_workflow.doctor.child.schedule import machine_time, scheduler

NAME = "async"
LABEL = "async-order"


def provoke(budget: str) -> list[Any]:
    """Schedules by their seed."""
    return ["back", "a"] if budget == "quick" else ["back", *"abcdefghijk"]


def control(run: Run) -> dict[str, Any]:
    """Event loops on virtual time, tasks with lanes."""
    import asyncio
    from asyncio import base_events, selector_events, tasks

    base_events.BaseEventLoop.time = _time(run)  # type: ignore[method-assign]
    base_events.BaseEventLoop.create_task = _create_task(  # type: ignore[method-assign]
        run, base_events.BaseEventLoop.create_task
    )
    base_events.BaseEventLoop.call_later = _call_later(  # type: ignore[method-assign]
        run, base_events.BaseEventLoop.call_later
    )
    for name in ("wait_for", "timeout"):
        setattr(asyncio, name, _without_limit(run, name, getattr(asyncio, name)))
    loop = selector_events.BaseSelectorEventLoop
    loop.__init__ = _loop_init(run, loop.__init__)  # type: ignore[method-assign]
    as_completed = _as_completed(run, tasks.as_completed)
    asyncio.as_completed = tasks.as_completed = as_completed
    return {}


def _time(run: Run) -> Any:
    """The loop's clock: where it starts is let go for the loop and all who read it alike, so that it waits as before.

    A read of the user's takes some time, too.
    """

    def time(self: Any) -> float:
        started = run.thaws.get(CLOCK)
        now = machine_time() + (float(started.variant[0]) if started is not None else 0.0)
        if sys._getframe(1).f_code.co_filename not in run.files:
            return now
        reading = run.visit(CLOCK, "loop.time")
        if reading is None or reading.variant is None:
            return machine_time()
        return now + (TICK * reading.index if reading.variant[1] else 0.0)

    return time


def _create_task(run: Run, original: Any) -> Any:
    import asyncio.tasks

    tasks: Any = asyncio.tasks

    def create_task(
        self: Any, coro: Any, *, name: Any = None, context: Any = None, **more: Any
    ) -> Any:
        if run.active:
            context = context or contextvars.copy_context()
            context.run(LANE.set, child_lane(run))
            # The interpreter's own counter cannot be read or put back.
            name = name or f"Task-{tasks._task_name_counter()}"
        return original(self, coro, name=name, context=context, **more)

    return create_task


def _without_limit(run: Run, name: str, original: Any) -> Any:
    """``asyncio.wait_for`` and ``asyncio.timeout``, whose time limit can be made endless."""

    def limited(*args: Any, **kwargs: Any) -> Any:
        reading = run.visit(TIMEOUT, f"asyncio.{name}", count=False)
        if reading is None or reading.thaw is None:
            return original(*args, **kwargs)
        return original(args[0], None) if name == "wait_for" else original(None)

    limited.__name__ = limited.__qualname__ = name
    return limited


def _call_later(run: Run, original: Any) -> Any:
    def call_later(self: Any, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        thaw = run.thaws.get(NAME)
        if thaw is not None and run.active and delay > 0 and scheduler.choices is not None:
            delay = delay * scheduler.choices.uniform(0.5, 1.6) + scheduler.choices.uniform(
                0.0, 0.004
            )
        return original(self, delay, callback, *args, context=context)

    return call_later


def _loop_init(run: Run, original: Any) -> Any:
    def __init__(self: Any, selector: Any = None) -> None:  # noqa: N807
        original(self, selector)
        run.loops += 1
        real = self._selector.select

        def select(timeout: float | None = None) -> Any:
            if timeout is not None and timeout <= 0:
                return real(0)
            if len(self._selector.get_map()) > 1:
                return _outside(real, timeout)
            scheduler.wait(lambda: bool(real(0)), timeout)
            return real(0)

        self._selector.select = select

    return __init__


def _outside(real: Any, timeout: float | None) -> Any:
    """Sockets or pipes of others: real waiting."""
    found = scheduler.outside(lambda: real(timeout))
    if not found and timeout is not None:
        scheduler.now += timeout
    return found


class _InOrder:
    """What ``as_completed`` gives, in the order in which it was given."""

    def __init__(self, given: list[Any], timeout: float | None) -> None:
        self.given = given
        self.timeout = timeout

    def __iter__(self) -> Iterator[Any]:
        import asyncio

        for task in self.given:
            yield asyncio.wait_for(task, self.timeout)

    async def __aiter__(self) -> AsyncIterator[Any]:
        import asyncio

        for task in self.given:
            await asyncio.wait([task], timeout=self.timeout)
            yield task


def _as_completed(run: Run, original: Any) -> Any:
    def as_completed(fs: Iterable[Any], *, timeout: float | None = None) -> Any:
        import asyncio

        given = [asyncio.ensure_future(f) for f in dict.fromkeys(fs)]
        reading = run.visit(NAME, "asyncio.as_completed", count=False)
        if reading is None or reading.thaw is not None:
            return original(given, timeout=timeout)
        return _InOrder(given, timeout)

    return as_completed

"""An event loop without a world: time passes when everybody waits, and a seed decides whatever asyncio leaves open.

Callbacks run in *turns*, as in asyncio: all that are ready when a turn begins are run in it, in an order that the
schedule draws, and what they make ready comes in the next turn. When nothing is ready, time jumps to the next timer.
So an hour of sleeping costs as much as a second, and one seed is one interleaving, to be had again at any time.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
import logging
import math
import sys
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar, TypeVarTuple, cast

from aos_workflow.errors import SimulatedDeadlockError, SimulationError, SimulationLimitError
from aos_workflow.simulation.process import PROCESS, Process
from aos_workflow.simulation.real_io import Worldless, closed
from aos_workflow.simulation.schedule import Schedule
from aos_workflow.simulation.tasks import SimTask, waiting_places

__all__ = ["SimLoop"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_LOG = logging.getLogger("asyncio")
_MAX_STEPS = 50_000_000
_EXECUTOR_S = 0.002
_STALE_TIMERS = 100


class SimLoop(Worldless):
    """A deterministic event loop with virtual time: ``asyncio.Runner(loop_factory=lambda: SimLoop(seed=7))``.

    ``seed`` is that of the schedule: the order of what is ready, of timers that are due together, and how long a
    function in an executor takes (it is run in this thread). Without one, everything is first come, first served.
    ``max_steps`` callbacks may be run, and ``max_time_s`` virtual seconds may pass.

    Raises, out of whatever runs the loop:
        RealIOError: where the code asks for a socket, a subprocess, a name, a file descriptor.
        SimulatedDeadlockError: nothing is ready, and no timer is set.
        SimulationLimitError: more callbacks or time than that.
    """

    def __init__(
        self,
        seed: int | None = None,
        *,
        schedule: Schedule | None = None,
        max_steps: int = _MAX_STEPS,
        max_time_s: float = math.inf,
    ) -> None:
        self.schedule = schedule if schedule is not None else Schedule(seed)
        self.steps = 0
        """Callbacks that were run so far."""
        self._max_steps = max_steps
        self._max_time_s = max_time_s
        self._now_s = 0.0
        self._ready: list[asyncio.Handle] = []
        self._timers: list[tuple[float, float, int, asyncio.TimerHandle]] = []
        self._cancelled_timers = 0
        self._numbers = itertools.count()
        self._task_numbers = itertools.count(1)
        self._dead: set[Process] = set()
        self._frozen: list[asyncio.Handle] = []
        self._graves: set[asyncio.Task[Any]] = set()
        self._thread: int | None = None
        self._stopping = self._closed = self._debug = False
        self._factory: Callable[..., Any] | None = self._make_task
        self._exception_handler: Callable[[Any, dict[str, Any]], object] | None = None
        self._generators: weakref.WeakSet[AsyncGenerator[Any, Any]] = weakref.WeakSet()

    def __repr__(self) -> str:
        return f"<SimLoop seed={self.schedule.seed} time={self._now_s:g} steps={self.steps}>"

    # running

    def run_forever(self) -> None:
        """Until ``stop``."""
        self._refuse_closed()
        if self._thread is not None:
            raise RuntimeError("This event loop is already running")
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("Cannot run the event loop while another loop is running")
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(self._generators.add, self._finalize_generator)
        self._thread = threading.get_ident()
        asyncio._set_running_loop(self)
        try:
            with closed():
                while not self._stopping:
                    self._turn()
        finally:
            self._stopping = False
            self._thread = None
            asyncio._set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)

    def run_until_complete(self, future: Generator[Any, None, T] | Awaitable[T]) -> T:
        """Until the future is done; its result."""
        self._refuse_closed()
        is_ours = not asyncio.isfuture(future)
        task = asyncio.ensure_future(cast(Awaitable[T], future), loop=self)
        task.add_done_callback(self._stop_on)
        try:
            self.run_forever()
        except BaseException:
            if is_ours and task.done() and not task.cancelled():
                task.exception()  # has been seen
            raise
        finally:
            task.remove_done_callback(self._stop_on)
        if not task.done():
            raise RuntimeError("Event loop stopped before Future completed.")
        return task.result()

    def stop(self) -> None:
        """After this turn."""
        self._stopping = True

    def is_running(self) -> bool:
        return self._thread is not None

    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        if self._thread is not None:
            raise RuntimeError("Cannot close a running event loop")
        self._closed = True
        self._ready.clear()
        self._timers.clear()
        self._frozen.clear()
        self._graves.clear()

    async def shutdown_asyncgens(self) -> None:
        left, self._generators = list(self._generators), weakref.WeakSet()
        await asyncio.gather(*(each.aclose() for each in left), return_exceptions=True)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as asyncio has it
        return None

    # callbacks

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now_s

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        if self._thread is not None and threading.get_ident() != self._thread:
            raise SimulationError(
                "another thread called into a simulated loop; no seed decides when a thread does that",
                hint="use asyncio.to_thread or loop.run_in_executor: a simulation runs those in its own thread",
            )
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        entry = (max(when, self._now_s), self.schedule.tie(), next(self._numbers), timer)
        heapq.heappush(self._timers, entry)
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._cancelled_timers += 1
        if self._cancelled_timers > _STALE_TIMERS and self._cancelled_timers * 2 > len(
            self._timers
        ):
            self._timers = [entry for entry in self._timers if not entry[3].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled_timers = 0

    # futures and tasks

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: contextvars.Context | None = None,
        **options: Any,
    ) -> asyncio.Task[T]:
        self._refuse_closed()
        factory = self._factory or self._make_task
        if context is not None:
            options["context"] = context
        task: asyncio.Task[T] = factory(self, coro, **options)
        if name is not None:
            task.set_name(str(name))
        return task

    def set_task_factory(self, factory: Any) -> None:
        if factory is not None and not callable(factory):
            raise TypeError("task factory must be a callable or None")
        self._factory = factory

    def get_task_factory(self) -> Any:
        return self._factory

    def _make_task(self, loop: Any, coro: Any, **options: Any) -> SimTask[Any]:
        number = next(self._task_numbers)
        if options.get("name") is None:
            options["name"] = f"Task-{number}"  # asyncio's own numbers go on from run to run
        return SimTask(coro, loop=self, number=self.schedule.scramble(number), **options)

    # threads

    def run_in_executor(
        self, executor: Any, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run the function in this thread, at a moment that the schedule draws; its end is drawn as well."""
        self._refuse_closed()
        future = self.create_future()
        self.call_later(self.schedule.delay_s(_EXECUTOR_S), self._execute, future, func, args)
        return future

    def _execute(
        self, future: asyncio.Future[T], func: Callable[[*Ts], T], args: tuple[*Ts]
    ) -> None:
        if future.cancelled():
            return
        try:
            result = func(*args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the future's
            self.call_later(self.schedule.delay_s(_EXECUTOR_S), _fail, future, error)
        else:
            self.call_later(self.schedule.delay_s(_EXECUTOR_S), _succeed, future, result)

    def set_default_executor(self, executor: Any) -> None:
        return None

    # processes that die

    def kill(self, process: Process) -> None:
        """Whatever runs as that process never goes on: no ``finally``, no ``except``, as after ``kill -9``."""
        self._dead.add(process)
        self._graves |= asyncio.all_tasks(self)  # nobody may collect, and so close, what is dead

    def thaw(self) -> None:
        """Let go of what dead processes left, so that it can be cancelled and the loop be closed."""
        self._dead.clear()
        self._ready += self._frozen
        self._frozen.clear()

    # errors

    def set_exception_handler(self, handler: Any) -> None:
        self._exception_handler = handler

    def get_exception_handler(self) -> Any:
        return self._exception_handler

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        shown = ", ".join(f"{key}={context[key]!r}" for key in sorted(context) if key != "message")
        _LOG.error("%s: %s", context.get("message", "unhandled error"), shown)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if self._exception_handler is None:
            self.default_exception_handler(context)
        else:
            self._exception_handler(self, context)

    def get_debug(self) -> bool:
        return self._debug

    def set_debug(self, enabled: bool) -> None:
        self._debug = enabled

    # inside

    def _turn(self) -> None:
        if not self._ready:
            self._pass_time()
        turn, self._ready = self._ready, []
        if len(turn) > 1:
            self.schedule.shuffle(turn)
        self.steps += len(turn)
        done = 0
        try:
            if self.steps > self._max_steps:
                self._refuse_more()
            for handle in turn:
                done += 1
                if self._dead and self._is_dead(handle):
                    self._frozen.append(handle)
                elif not handle.cancelled():
                    handle._run()
        except BaseException:
            self._ready[:0] = turn[done:]
            raise

    def _is_dead(self, handle: Any) -> bool:
        return handle._context is not None and handle._context.get(PROCESS) in self._dead

    def _pass_time(self) -> None:
        """Move to the next timer, and make ready what is due then."""
        timers = self._timers
        while timers and timers[0][3].cancelled():
            heapq.heappop(timers)
            self._cancelled_timers -= 1
        if not timers:
            self._refuse_deadlock()
        if timers[0][0] > self._max_time_s:
            self._refuse_later()
        self._now_s = timers[0][0]
        while timers and timers[0][0] <= self._now_s:
            timer = heapq.heappop(timers)[3]
            if timer.cancelled():
                self._cancelled_timers -= 1
            else:
                self._ready.append(timer)

    def _refuse_deadlock(self) -> None:
        waiting = waiting_places(self)
        names = "; ".join(waiting) or "no task at all"
        raise SimulatedDeadlockError(
            f"nothing is ready and no timer is set, so these wait for ever: {names}",
            waiting=waiting,
            hint="something that was to wake them never happens, or happens outside of the simulation",
        )

    def _refuse_more(self) -> None:
        limit, self._max_steps = self._max_steps, 2 * self._max_steps  # for tasks to be cancelled
        raise SimulationLimitError(
            f"the simulation took more than {limit:,} steps, at {self._now_s:g} virtual seconds",
            hint="look for a loop that never ends, or raise max_steps",
        )

    def _refuse_later(self) -> None:
        limit_s, self._max_time_s = self._max_time_s, math.inf
        waiting = waiting_places(self)
        raise SimulationLimitError(
            f"more than {limit_s:g} virtual seconds; these tasks are left: {'; '.join(waiting)}",
            hint="something waits for what never happens, or raise max_time_s",
        )

    def _refuse_closed(self) -> None:
        if self._closed:
            raise RuntimeError("Event loop is closed")

    def _stop_on(self, future: asyncio.Future[Any]) -> None:
        error = None if future.cancelled() else future.exception()
        if not isinstance(error, (SystemExit, KeyboardInterrupt)):
            self.stop()

    def _finalize_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        self._generators.discard(generator)
        if not self._closed:
            self.create_task(_close(generator))


async def _close(generator: AsyncGenerator[Any, Any]) -> None:
    await generator.aclose()


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)

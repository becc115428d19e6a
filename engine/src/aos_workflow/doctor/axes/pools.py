"""Pools of ``multiprocessing`` and process executors, run on threads of the scheduler.

A real process is out of the scheduler's reach. What a pool's order does to the output shows with threads, too; what
separate memory does, does not.
"""

from __future__ import annotations

import concurrent.futures as futures
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from aos_workflow.doctor.axes.threads import NAME
from aos_workflow.doctor.child.run import Run

__all__ = ["control"]

LIMIT = "processes of pools were run as threads: what their separate memory does was not seen"


def control(run: Run) -> dict[str, Any]:
    """Thread pools in place of process pools."""

    class ProcessPoolExecutor(futures.ThreadPoolExecutor):
        """``concurrent.futures.ProcessPoolExecutor`` on threads."""

        def __init__(
            self, max_workers: int | None = None, mp_context: Any = None, *args: Any, **kwargs: Any
        ) -> None:
            run.limits.add(LIMIT)
            kwargs.pop("max_tasks_per_child", None)
            super().__init__(max_workers, "", *args, **kwargs)

        def map(
            self, fn: Any, *iterables: Any, timeout: Any = None, chunksize: int = 1, **kwargs: Any
        ) -> Any:
            """As ``Executor.map``."""
            return super().map(fn, *iterables, timeout=timeout)

    futures.ProcessPoolExecutor = ProcessPoolExecutor  # type: ignore[misc,assignment]
    if "concurrent.futures.process" in sys.modules:
        sys.modules["concurrent.futures.process"].ProcessPoolExecutor = ProcessPoolExecutor  # type: ignore[attr-defined]
    _multiprocessing(run)
    return {}


def _multiprocessing(run: Run) -> None:
    import multiprocessing
    import multiprocessing.context
    import multiprocessing.dummy
    import multiprocessing.pool

    def make(
        processes: Any = None, initializer: Any = None, initargs: Any = (), *_: Any, **__: Any
    ) -> Pool:
        run.limits.add(LIMIT)
        return Pool(run, processes, initializer, initargs)

    def method(self: Any, *args: Any, **kwargs: Any) -> Pool:
        return make(*args, **kwargs)

    multiprocessing.context.BaseContext.Pool = method  # type: ignore[method-assign,assignment]
    multiprocessing.Pool = multiprocessing.dummy.Pool = make  # type: ignore[assignment]
    multiprocessing.pool.Pool = multiprocessing.pool.ThreadPool = make  # type: ignore[misc,assignment]


class Result:
    """What ``apply_async`` and its like give."""

    def __init__(
        self, parts: list[futures.Future[Any]], single: bool, callback: Any = None
    ) -> None:
        self.parts, self.single = parts, single
        for part in parts if callback and single else ():
            part.add_done_callback(lambda done: callback(done.result()))

    def get(self, timeout: float | None = None) -> Any:
        """The value, or the list of values."""
        values = [part.result(timeout) for part in self.parts]
        return values[0] if self.single else values

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is there."""
        futures.wait(self.parts, timeout)

    def ready(self) -> bool:
        """Whether it is there."""
        return all(part.done() for part in self.parts)

    def successful(self) -> bool:
        """Whether nothing was raised."""
        return all(part.exception() is None for part in self.parts)


class Pool:
    """``multiprocessing.Pool`` on threads."""

    def __init__(self, run: Run, processes: int | None, initializer: Any, initargs: Any) -> None:
        self.run = run
        self.executor = futures.ThreadPoolExecutor(processes or 4, "", initializer, tuple(initargs))

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.executor.shutdown()

    def _submit(
        self, fn: Callable[..., Any], items: Iterable[Any], star: bool = False
    ) -> list[Any]:
        return [self.executor.submit(fn, *(item if star else (item,))) for item in items]

    def apply(self, func: Any, args: Any = (), kwds: Any = None) -> Any:
        """As ``Pool.apply``."""
        return self.executor.submit(func, *args, **(kwds or {})).result()

    def apply_async(
        self,
        func: Any,
        args: Any = (),
        kwds: Any = None,
        callback: Any = None,
        *_: Any,
    ) -> Result:
        """As ``Pool.apply_async``."""
        return Result([self.executor.submit(func, *args, **(kwds or {}))], True, callback)

    def map(self, func: Any, iterable: Any, chunksize: Any = None) -> list[Any]:
        """As ``Pool.map``."""
        return [part.result() for part in self._submit(func, iterable)]

    def map_async(self, func: Any, iterable: Any, *_: Any, **__: Any) -> Result:
        """As ``Pool.map_async``."""
        return Result(self._submit(func, iterable), False)

    def starmap(self, func: Any, iterable: Any, chunksize: Any = None) -> list[Any]:
        """As ``Pool.starmap``."""
        return [part.result() for part in self._submit(func, iterable, True)]

    def imap(self, func: Any, iterable: Any, chunksize: int = 1) -> Iterator[Any]:
        """As ``Pool.imap``."""
        return (part.result() for part in self._submit(func, iterable))

    def imap_unordered(self, func: Any, iterable: Any, chunksize: int = 1) -> Iterator[Any]:
        """As ``Pool.imap_unordered``."""
        parts = self._submit(func, iterable)
        reading = self.run.visit(NAME, "imap_unordered", count=False)
        if reading is None or reading.thaw is None:
            return (part.result() for part in parts)
        return (part.result() for part in futures.as_completed(parts))

    def close(self) -> None:
        """As ``Pool.close``."""

    def terminate(self) -> None:
        """As ``Pool.terminate``."""
        self.executor.shutdown(cancel_futures=True)

    def join(self) -> None:
        """As ``Pool.join``."""
        self.executor.shutdown()

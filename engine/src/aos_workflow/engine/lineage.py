"""Who a step is: its lineage path, given when its task is created.

A shared counter numbers steps in the order in which they happen to start, so under ``asyncio.gather`` a slow branch
and a fast one can swap numbers between a run and its replay, and each gets the other's recorded result. A *path* is
given by structure instead: within a task, everything it does (a step, a draw, the creation of a task) gets the next
number. That is program order, whatever the scheduler does afterwards.

``asyncio.wait_for`` makes a task on CPython 3.11 and none from 3.12 on. The task it makes only runs while its creator
waits for it, so it continues the creator's own scope, and paths agree on every version. ``asyncio.as_completed`` and
``asyncio.wait`` would create tasks from coroutines in the order of a set (3.11); inside a workflow that is refused.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from types import CodeType, FrameType
from typing import Any

from aos_workflow.errors import UsageError

__all__ = ["Scope", "current_scope", "lineage_loop", "outside", "program_order", "scope"]

_SCOPE: ContextVar[Scope | None] = ContextVar("aos_lineage", default=None)
_FRAMES_LOOKED_AT = 6


class Scope:
    """One task of a run. ``path`` is its place in the tree of tasks: ``""`` for the first, then ``1``, ``1.2``, ...

    Steps, draws and new tasks of a task are numbered together, in program order. So the order of two paths says which
    came first in the program, and where one was put in, everything after it in that task is somewhere else.
    """

    __slots__ = ("_ordinal", "path", "tasks")

    def __init__(self, path: str, tasks: set[asyncio.Future[Any]] | None = None) -> None:
        self.path = path
        self.tasks: set[asyncio.Future[Any]] = set() if tasks is None else tasks
        """Every task of the run that is not done."""
        self._ordinal = 0

    def child(self) -> Scope:
        """The scope of the next task that is created in this one."""
        self._ordinal += 1
        path = f"{self.path}.{self._ordinal}" if self.path else str(self._ordinal)
        return Scope(path, self.tasks)

    def next_path(self, name: str) -> str:
        """The path of the next step or draw: ``1:search`` in the first task, ``2.1/3:search`` in one below."""
        self._ordinal += 1
        return f"{self.path}/{self._ordinal}:{name}" if self.path else f"{self._ordinal}:{name}"


def program_order(path: str) -> tuple[int, ...]:
    """A key that puts the paths of one run into program order: ``2.1/3:search`` is (2, 1, 3).

    Raises:
        ValueError: not a path that :meth:`Scope.next_path` gave.
    """
    place, _, _ = path.partition(":")
    return tuple(map(int, place.replace("/", ".").split(".")))


def current_scope() -> Scope:
    """The scope of the running task.

    Raises:
        UsageError: the caller does not run inside a workflow.
    """
    found = _SCOPE.get()
    if found is None:
        raise UsageError(
            "no workflow is running here",
            hint="use ctx inside the workflow's coroutine and the tasks it creates, not in a thread or callback",
        )
    return found


@contextmanager
def scope(root: Scope) -> Iterator[Scope]:
    """Run the block as the task ``root``; tasks created in it become its children."""
    token = _SCOPE.set(root)
    try:
        yield root
    finally:
        _SCOPE.reset(token)


class outside:  # noqa: N801 - used as a function is
    """Run the block as no part of the workflow: what it creates gets no place in the workflow's lineage.

    For what a step does while it is executed, and what is not there when it is served: a skill's own tasks, a driver's.
    """

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _SCOPE.set(None)

    def __exit__(self, *_: object) -> None:
        _SCOPE.reset(self._token)


@contextmanager
def lineage_loop(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Give lineage to every task that is created on the loop while the block runs.

    Tasks outside a workflow are made as before. Reentrant: a loop that gives lineage already is left as it is.
    """
    previous = loop.get_task_factory()
    if isinstance(previous, _Factory):
        previous.users += 1
        factory = previous
    else:
        factory = _Factory(previous)
        loop.set_task_factory(factory)
    try:
        yield
    finally:
        factory.users -= 1
        if not factory.users and loop.get_task_factory() is factory:
            loop.set_task_factory(factory.previous)


class _Factory:
    """A task factory that hands each new task a scope of its own."""

    def __init__(self, previous: Callable[..., Any] | None) -> None:
        self.previous = previous
        self.users = 1

    def __call__(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        *,
        context: Context | None = None,
        **options: Any,
    ) -> Any:
        parent = _SCOPE.get()
        if parent is not None:
            maker = _maker(sys._getframe(1))
            if maker in ("as_completed", "wait"):
                coro.close()
                raise UsageError(
                    f"asyncio.{maker} takes its tasks from a set, so their order is not the program's",
                    hint="create the tasks with asyncio.create_task first, or use ctx.group or asyncio.gather",
                )
            context = context or copy_context()
            if maker != "wait_for":
                context.run(_SCOPE.set, parent.child())
        task = self._make(loop, coro, context, options)
        if parent is not None:
            parent.tasks.add(task)
            task.add_done_callback(parent.tasks.discard)
        return task

    def _make(
        self, loop: asyncio.AbstractEventLoop, coro: Any, context: Context | None, options: Any
    ) -> Any:
        if self.previous is not None:
            return self.previous(loop, coro, context=context, **options)
        return asyncio.Task(coro, loop=loop, context=context, **options)


_MAKERS: dict[CodeType, str] = {
    function.__code__: name
    for name in ("wait_for", "as_completed", "wait")
    if (function := getattr(asyncio.tasks, name)) and hasattr(function, "__code__")
}


def _maker(frame: FrameType | None) -> str | None:
    """The asyncio function that asked for the task, if it is one whose tasks are special."""
    for _ in range(_FRAMES_LOOKED_AT):
        if frame is None or frame.f_globals.get("__name__", "").partition(".")[0] != "asyncio":
            return None
        found = _MAKERS.get(frame.f_code)
        if found is not None:
            return found
        frame = frame.f_back
    return None

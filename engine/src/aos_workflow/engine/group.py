"""Tasks of a workflow that belong together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self

from aos_workflow.errors import UsageError
from aos_workflow.skills.skill import Skill

__all__ = ["Group"]


class Group(AbstractAsyncContextManager["Group"]):
    """See :meth:`~aos_workflow.engine.context.Context.group`. ``step`` is that of the context."""

    def __init__(
        self, step: Callable[..., Coroutine[Any, Any, Any]], limit: int | None = None
    ) -> None:
        if limit is not None and limit < 1:
            raise UsageError(f"ctx.group(limit={limit}): expected 1 or more")
        self._step = step
        self._tasks = asyncio.TaskGroup()
        self._slots = asyncio.Semaphore(limit) if limit is not None else None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._tasks.__aexit__(kind, error, traceback)
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    def step(self, skill: Skill | str, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """As ``ctx.step``, as a task of its own; ``result()`` after the block."""
        return self.start(self._step(skill, *args, **kwargs))

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Any coroutine of the workflow, as a task of its own."""
        task = self._tasks.create_task(self._limited(work))
        task.add_done_callback(lambda _: work.close())  # one that was cancelled before it began
        return task

    async def _limited(self, work: Awaitable[Any]) -> Any:
        if self._slots is None:
            return await work
        async with self._slots:
            return await work

"""Tasks of a simulated loop."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

__all__ = ["SimTask", "waiting_places"]

T = TypeVar("T")


class SimTask(asyncio.Task[T]):
    """A task whose hash does not follow from where it lies in memory.

    asyncio keeps tasks in sets, and cancels them in the order of those; so that order must be the seed's.
    """

    def __init__(self, coro: Any, *, number: int, **options: Any) -> None:
        self._number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number


def waiting_places(loop: asyncio.AbstractEventLoop) -> tuple[str, ...]:
    """Every task that is not done: its name, what it runs, and the line at which it waits."""
    return tuple(sorted(_place(task) for task in asyncio.all_tasks(loop)))


def _place(task: asyncio.Task[Any]) -> str:
    found: Any = task.get_coro()
    name = getattr(found, "__qualname__", repr(found))
    line = ""
    while getattr(found, "cr_frame", None) is not None:
        frame = found.cr_frame
        line = f" at {frame.f_code.co_filename}:{frame.f_lineno}"
        found = found.cr_await
    return f"{task.get_name()} ({name}){line}"

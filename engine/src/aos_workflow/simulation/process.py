"""Processes of a simulation: tasks that live and die together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["PROCESS", "Process", "process"]


@dataclass(frozen=True, eq=False, slots=True)
class Process:
    """A process that is only simulated. Each is one of its own, whatever its name."""

    name: str


PROCESS: ContextVar[Process | None] = ContextVar("aos_simulated_process", default=None)


@contextmanager
def process(member: Process) -> Iterator[Process]:
    """What the block does, and every task it creates, belongs to the process."""
    token = PROCESS.set(member)
    try:
        yield member
    finally:
        PROCESS.reset(token)

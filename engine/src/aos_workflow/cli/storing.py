"""A command's work on the store that the environment names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from aos_workflow.checkpoint.port import Store

__all__ = ["TRIES", "actor", "with_store"]

T = TypeVar("T")

TRIES = 5
"""Of what fails because the database cannot be reached: about a second. A person waits; a worker has more patience."""


def with_store(work: Callable[[Store], Awaitable[T]]) -> T:
    """Do the work with an open store, and close it. Raises StoreError, StackError."""
    import asyncio

    from aos_workflow.assembly import default_store

    async def run() -> T:
        store = default_store(tries=TRIES)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def actor() -> str:
    """Who does it, for the audit."""
    import getpass

    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"

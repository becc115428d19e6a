"""One PostgreSQL for a test process, and a fresh database in it for whoever asks."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from aos_workflow.stack import PostgresServer, postgres

__all__ = ["fresh_database", "server"]

_NUMBERS = itertools.count(1)


@contextmanager
def server(home: Path | None = None) -> Iterator[PostgresServer]:
    """A server that leaves nothing behind."""
    with postgres(home) as found:
        yield found


@contextmanager
def fresh_database(found: PostgresServer) -> Iterator[str]:
    """The address of a new, empty database; dropped afterwards, whoever is still connected."""
    name = f"test_{next(_NUMBERS)}"
    asyncio.run(_execute(found.url, f"CREATE DATABASE {name}"))
    try:
        yield urlunsplit(urlsplit(found.url)._replace(path=f"/{name}"))
    finally:
        asyncio.run(_execute(found.url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()

"""Connections to PostgreSQL, and what is tried again. The only module that imports the driver."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

import asyncpg

from aos_workflow.determinism import Entropy, SystemEntropy
from aos_workflow.errors import StoreError, StoreUnavailableError

__all__ = ["Connection", "Database", "Lane"]

T = TypeVar("T")

Connection: TypeAlias = Any
"""asyncpg's connection, which has no types."""

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.TooManyConnectionsError,
    OSError,
    TimeoutError,
)
_CLASHED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_TRIES = 9
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 2.0


class Database:
    """A pool with limits, and retries around everything that goes through it."""

    def __init__(
        self,
        dsn: str,
        *,
        pool_size: int,
        statement_timeout_s: float,
        application_name: str,
        connect_timeout_s: float = 10.0,
        entropy: Entropy | None = None,
    ) -> None:
        self.dsn = dsn
        self._pool_size = pool_size
        self._connect_timeout_s = connect_timeout_s
        self._entropy = entropy or SystemEntropy()
        self._settings = {
            "application_name": application_name[:63],
            "statement_timeout": str(int(statement_timeout_s * 1000)),
            "idle_in_transaction_session_timeout": "60000",
            "search_path": "aos, pg_catalog, public",
        }
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def connect(self) -> Connection:
        """A connection of its own, beside the pool. Raises what the driver raises."""
        return await asyncpg.connect(
            self.dsn, timeout=self._connect_timeout_s, server_settings=self._settings
        )

    async def close(self) -> None:
        """Wait for what is under way, and let go of every connection."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                await pool.close()
        except (*_LOST, asyncio.CancelledError):
            pool.terminate()
            raise

    async def fetch(self, statement: str, *arguments: Any) -> list[Any]:
        """The rows of one statement. Raises StoreUnavailableError."""

        async def once() -> list[Any]:
            pool = await self._opened()
            async with pool.acquire() as connection:
                return list(await connection.fetch(statement, *arguments))

        return await self.patiently(once)

    async def fetchrow(self, statement: str, *arguments: Any) -> Any:
        """The first row, or ``None``. Raises StoreUnavailableError."""
        rows = await self.fetch(statement, *arguments)
        return rows[0] if rows else None

    async def transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Several statements as one; done again from the start if they clash. Raises StoreUnavailableError."""

        async def once() -> T:
            pool = await self._opened()
            async with pool.acquire() as connection, connection.transaction():
                return await work(connection)

        return await self.patiently(once)

    async def patiently(self, action: Callable[[], Awaitable[T]]) -> T:
        """Do it again when the connection is lost or statements clash, after a wait that doubles.

        Raises:
            StoreUnavailableError: every try failed.
            StoreError: the database refused the statement.
        """
        for number in range(1, _TRIES + 1):
            try:
                return await action()
            except (*_LOST, *_CLASHED) as error:
                if number == _TRIES:
                    raise self._unavailable(error) from error
                await asyncio.sleep(self._wait_s(number))
            except asyncpg.InvalidAuthorizationSpecificationError as error:
                raise self._unavailable(error) from error
            except asyncpg.InvalidCatalogNameError as error:
                raise self._unavailable(error) from error
            except asyncpg.PostgresError as error:
                raise StoreError(
                    f"the database refused a statement: {type(error).__name__}: {error}",
                    hint="aos-workflow db status",
                ) from error
        raise AssertionError("unreachable")

    async def _opened(self) -> asyncpg.Pool:
        if self._pool is None:
            async with self._opening:
                if self._pool is None:
                    self._pool = await asyncpg.create_pool(
                        self.dsn,
                        min_size=0,
                        max_size=self._pool_size,
                        timeout=self._connect_timeout_s,
                        server_settings=self._settings,
                        max_inactive_connection_lifetime=60.0,
                        reset=_keep,
                    )
        return self._pool

    def _wait_s(self, number: int) -> float:
        """Doubling, capped, and up to a quarter shorter, so that those who failed together do not come together."""
        full_s: float = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (number - 1))
        return full_s * (1 - int(self._entropy.token_hex(1), 16) / 1024)

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"the database cannot be used: {type(error).__name__}: {error}",
            hint="aos-workflow stack status; or check DATABASE_URL",
        )


class Lane:
    """One connection for one statement, prepared, without the pool's own round trips."""

    def __init__(self, database: Database, statement: str) -> None:
        self._database = database
        self._statement = statement
        self._connection: Connection | None = None
        self._prepared: Any = None

    async def fetch(self, *arguments: Any) -> list[Any]:
        """The rows. Not tried again here. Raises what the driver raises; the next call connects anew."""
        try:
            if self._prepared is None:
                self._connection = await self._database.connect()
                self._prepared = await self._connection.prepare(self._statement)
            return list(await self._prepared.fetch(*arguments))
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        """Give the connection up, as it is."""
        connection, self._connection, self._prepared = self._connection, None, None
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        connection, self._connection, self._prepared = self._connection, None, None
        if connection is not None:
            with suppress(*_LOST):
                await connection.close(timeout=5.0)


async def _keep(connection: Connection) -> None:
    """Nothing of ours outlives a statement in a session, so nothing has to be reset: that would be a round trip."""

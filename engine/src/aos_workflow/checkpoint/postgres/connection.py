"""Connections to PostgreSQL, and what is tried again. The only module that imports the driver."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

import asyncpg

from aos_workflow.determinism import Entropy, SystemEntropy
from aos_workflow.errors import StoreError, StoreUnavailableError, UsageError

__all__ = ["TRIES", "Connection", "Database", "Lane", "Statement"]

T = TypeVar("T")

Connection: TypeAlias = Any
"""asyncpg's connection, which has no types."""
Statement: TypeAlias = tuple[Any, ...]
"""A statement and its arguments."""

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""The server is gone, full or being replaced: on a new connection, in a moment, it may work."""
_CLASHED = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
)
_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.QueryCanceledError,
)
"""Trying again would not help soon."""
_UNSTORABLE = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, UnicodeError)
TRIES = 12
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 2.0
"""In all about 13 seconds: a server that crashed is back in 5."""
_LANE_SETTINGS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
"""A plan is made once, perhaps while the tables are empty, when reading them whole looks cheap. Every statement of a
lane finds its rows by their keys, however many there are."""
_PATIENCE_S = 5.0
"""How much longer than a statement may take in the server we wait for its answer."""


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
        tries: int = TRIES,
        entropy: Entropy | None = None,
    ) -> None:
        self.dsn = dsn
        self._pool_size = pool_size
        self._tries = tries
        self._connect_timeout_s = connect_timeout_s
        self._entropy = entropy or SystemEntropy()
        self._answer_timeout_s = statement_timeout_s + _PATIENCE_S
        self._settings = {
            "application_name": application_name[:63],
            "statement_timeout": str(max(1, int(statement_timeout_s * 1000))),
            "idle_in_transaction_session_timeout": "60000",
            "search_path": "aos, pg_catalog",
        }
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def connect(self, **settings: str) -> Connection:
        """A connection of its own, beside the pool. Raises what the driver raises."""
        return await asyncpg.connect(
            self.dsn,
            timeout=self._connect_timeout_s,
            command_timeout=self._answer_timeout_s,
            server_settings=self._settings | settings,
        )

    async def close(self) -> None:
        """Wait for what is under way, and let go of every connection."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(self._answer_timeout_s):
                await pool.close()
        except _LOST:
            pool.terminate()
        except asyncio.CancelledError:
            pool.terminate()
            raise

    async def fetch(
        self, statement: str, *arguments: Any, done: Statement | None = None
    ) -> list[Any]:
        """The rows of one statement.

        ``done`` asks, before each further try, whether an earlier one has happened although its answer was lost; if it
        finds rows, these are the answer.

        Raises:
            StoreUnavailableError, StoreError, UsageError: see :meth:`patiently`.
        """
        tries = 0

        async def once() -> list[Any]:
            nonlocal tries
            tries += 1
            pool = await self._opened()
            async with pool.acquire() as connection:
                if done is not None and tries > 1 and (found := await connection.fetch(*done)):
                    return list(found)
                return list(await connection.fetch(statement, *arguments))

        return await self.patiently(once)

    async def transaction(self, work: Callable[[Connection, bool], Awaitable[T]]) -> T:
        """Several statements as one; done again from the start if they clash.

        ``work`` is told whether an earlier try may have happened. Raises as :meth:`patiently`.
        """
        tries = 0

        async def once() -> T:
            nonlocal tries
            tries += 1
            pool = await self._opened()
            async with pool.acquire() as connection, connection.transaction():
                return await work(connection, tries > 1)

        return await self.patiently(once)

    async def alone(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """What ``work`` makes of a connection of its own, beside the pool. Raises as :meth:`patiently`."""

        async def once() -> T:
            connection = await self.connect()
            try:
                return await work(connection)
            finally:
                await connection.close(timeout=self._connect_timeout_s)

        return await self.patiently(once)

    async def patiently(self, action: Callable[[], Awaitable[T]]) -> T:
        """Do it again when the connection is lost or statements clash, after a wait that doubles.

        Raises:
            StoreUnavailableError: every try failed, or the database does not let us in or takes too long.
            UsageError: a value cannot be stored, or the address means nothing.
            StoreError: the database refused the statement.
        """
        for number in range(1, self._tries + 1):
            try:
                return await action()
            except asyncpg.ClientConfigurationError:
                raise UsageError(
                    "the address of the database cannot be understood",  # and not quoted: it may hold a password
                    hint="DATABASE_URL=postgresql://user:password@host:5432/database",
                ) from None
            except (*_LOST, *_CLASHED) as error:
                if number == self._tries:
                    raise _unavailable(error) from error
                await asyncio.sleep(self._wait_s(number))
            except _REFUSED as error:
                raise _unavailable(error) from error
            except _UNSTORABLE as error:
                raise UsageError(f"the database cannot keep a value: {_said(error)}") from error
            except asyncpg.PostgresError as error:
                raise StoreError(
                    f"the database refused a statement: {_said(error)}",
                    hint="aos-workflow db status",
                ) from error
        raise AssertionError("the last try returns or raises")

    async def _opened(self) -> asyncpg.Pool:
        if self._pool is None:
            async with self._opening:
                if self._pool is None:
                    self._pool = await asyncpg.create_pool(
                        self.dsn,
                        min_size=0,
                        max_size=self._pool_size,
                        timeout=self._connect_timeout_s,
                        command_timeout=self._answer_timeout_s,
                        server_settings=self._settings,
                        max_inactive_connection_lifetime=60.0,
                        reset=_keep,
                    )
        return self._pool

    def _wait_s(self, number: int) -> float:
        """Doubling, capped, and up to a quarter shorter, so that those who failed together do not come together."""
        full_s: float = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (number - 1))
        return full_s * (1 - int(self._entropy.token_hex(1), 16) / 1024)


class Lane:
    """One connection with its prepared statements, without the pool's own work for each statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._prepared: dict[str, Any] = {}

    async def fetch(self, statement: str, *arguments: Any) -> list[Any]:
        """The rows. Not tried again here. Raises what the driver raises; the next call connects anew."""
        try:
            prepared = self._prepared.get(statement)
            if prepared is None:
                if self._connection is None:
                    self._connection = await self._database.connect(**_LANE_SETTINGS)
                prepared = await self._connection.prepare(statement)
                self._prepared[statement] = prepared
            found: list[Any] = await prepared.fetch(*arguments)
        except (asyncpg.PostgresError, UnicodeError) as error:
            if isinstance(error, _LOST):
                self.drop()
            raise
        except BaseException:
            self.drop()
            raise
        return found

    def drop(self) -> None:
        """Give the connection up, as it is."""
        connection, self._connection = self._connection, None
        self._prepared.clear()
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        self._prepared.clear()
        if connection is not None:
            with suppress(*_LOST):
                await connection.close(timeout=5.0)


def _unavailable(error: Exception) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"the database cannot be used: {_said(error)}",
        hint="aos-workflow stack status; or check DATABASE_URL",
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


async def _keep(connection: Connection) -> None:
    """Nothing of ours outlives a statement in a session, so nothing has to be reset: that would be a round trip."""

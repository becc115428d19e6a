"""Budgets shared by many processes, in PostgreSQL (extra ``postgres``), where there is no Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import asyncpg

from aos_workflow.errors import PolicyStoreLostError
from aos_workflow.policies.decide import Bucket, decide, refilled
from aos_workflow.policies.values import Account, Rate, Reservation, Verdict

__all__ = ["PostgresBudgets"]

T = TypeVar("T")

_WAITS_S = (0.05, 0.2, 0.5)

_LOST = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


class PostgresBudgets:
    """See :class:`~aos_workflow.policies.port.BudgetStore`. Needs the schema of the checkpoint store in the database.

    Rows are locked in the order of their keys, so that no two charges wait for each other; the decision is made here,
    by the same function as everywhere. Times are the server's.
    """

    def __init__(self, dsn: str, *, pool_size: int = 4, timeout_s: float = 5.0) -> None:
        self._dsn = dsn
        self._pool_size = pool_size
        self._timeout_s = timeout_s
        self._pool: Any = None
        self._opening = asyncio.Lock()

    async def reserve(
        self, entry_key: str, units: int, accounts: Sequence[Account], rates: Sequence[Rate]
    ) -> Verdict:
        async def work(connection: Any) -> Verdict:
            if not await connection.fetchval(
                _NEW_ENTRY, entry_key, units, [a.key for a in accounts]
            ):
                return Verdict(True)
            used, buckets, now_s = await _locked(connection, accounts, rates)
            ready = [refilled(buckets.get(rate.key), rate, now_s) for rate in rates]
            verdict = decide(
                units,
                [(account, used.get(account.key, 0)) for account in accounts],
                [(rate, bucket.tokens) for rate, bucket in zip(rates, ready, strict=True)],
            )
            if not verdict.granted:
                await connection.execute(_DROP_ENTRY, entry_key)
                return verdict
            await connection.execute(_HOLD, [account.key for account in accounts], units)
            if rates:
                names = [rate.key for rate in rates]
                left = [bucket.tokens - 1 for bucket in ready]
                await connection.execute(_FILL, names, left, now_s)
            return verdict

        return await self._transaction(work)

    async def settle(self, reservation: Reservation, units: int) -> None:
        await self._transaction(lambda connection: _settle(connection, reservation, units))

    async def release(self, reservation: Reservation) -> None:
        await self._transaction(lambda connection: _release(connection, reservation.entry_key))

    async def reconcile(
        self, run_id: str, accounts: Sequence[Account], spent: Mapping[str, int]
    ) -> None:
        keys = tuple(account.key for account in accounts)

        async def work(connection: Any) -> None:
            for row in await connection.fetch(_HELD_OF_RUN, run_id + ":"):
                if row["entry_key"] not in spent:
                    await _release(connection, row["entry_key"])
            for entry in sorted(spent):
                await _settle(connection, Reservation(entry, 0, keys), spent[entry])

        await self._transaction(work)

    async def settled(self, run_id: str) -> Mapping[str, int]:
        async def work(connection: Any) -> Mapping[str, int]:
            rows = await connection.fetch(_SETTLED_OF_RUN, run_id + ":")
            return {row["entry_key"]: row["units"] for row in rows}

        return await self._transaction(work)

    async def balance(self, key: str) -> tuple[int, int]:
        async def work(connection: Any) -> tuple[int, int]:
            row = await connection.fetchrow(
                "SELECT spent, held FROM aos.budgets WHERE key = $1", key
            )
            return (row["spent"], row["held"]) if row else (0, 0)

        return await self._transaction(work)

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def _transaction(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Do the work, again if the connection was lost: every entry counts once, so a repetition changes nothing."""
        for wait_s in (*_WAITS_S, None):
            try:
                async with (await self._opened()).acquire() as connection, connection.transaction():
                    return await work(connection)
            except _LOST as error:
                if wait_s is None:
                    raise PolicyStoreLostError(
                        f"the budgets in PostgreSQL cannot be reached: {type(error).__name__}: {error}",
                        hint="aos-workflow stack status; or check DATABASE_URL",
                    ) from error
                await asyncio.sleep(wait_s)
        raise AssertionError("unreachable")

    async def _opened(self) -> Any:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=self._pool_size,
                    timeout=self._timeout_s,
                    command_timeout=self._timeout_s,
                )
            return self._pool


async def _locked(
    connection: Any, accounts: Sequence[Account], rates: Sequence[Rate]
) -> tuple[dict[str, int], dict[str, Bucket], float]:
    """What is used of each account and what each bucket holds, locked until the transaction ends; and the time."""
    keys = sorted(account.key for account in accounts)
    await connection.execute(_ENSURE, keys)
    rows = await connection.fetch(_LOCK, keys)
    buckets = (
        await connection.fetch(_LOCK_RATES, sorted(rate.key for rate in rates)) if rates else []
    )
    now_s = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    return (
        {row["key"]: row["spent"] + row["held"] for row in rows},
        {row["key"]: Bucket(row["tokens"], row["at_s"]) for row in buckets if row["at_s"]},
        now_s,
    )


async def _settle(connection: Any, reservation: Reservation, units: int) -> None:
    row = await connection.fetchrow(_LOCK_ENTRY, reservation.entry_key)
    if row is not None and row["settled"]:
        return
    accounts = list(row["accounts"]) if row is not None else list(reservation.accounts)
    held = row["units"] if row is not None else 0
    await connection.execute(_ENSURE, sorted(accounts))
    await connection.execute(_SPEND, accounts, units, held)
    await connection.execute(_SETTLED, reservation.entry_key, units, accounts)


async def _release(connection: Any, entry_key: str) -> None:
    row = await connection.fetchrow(_LOCK_ENTRY, entry_key)
    if row is None or row["settled"]:
        return
    await connection.execute(_SPEND, list(row["accounts"]), 0, row["units"])
    await connection.execute(_DROP_ENTRY, entry_key)


_NEW_ENTRY = """
INSERT INTO aos.budget_entries (entry_key, units, accounts) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING true
"""
_LOCK_ENTRY = (
    "SELECT units, settled, accounts FROM aos.budget_entries WHERE entry_key = $1 FOR UPDATE"
)
_DROP_ENTRY = "DELETE FROM aos.budget_entries WHERE entry_key = $1"
_SETTLED = """
INSERT INTO aos.budget_entries (entry_key, units, accounts, settled) VALUES ($1, $2, $3, true)
ON CONFLICT (entry_key) DO UPDATE SET units = excluded.units, settled = true
"""
_HELD_OF_RUN = """
SELECT entry_key FROM aos.budget_entries WHERE starts_with(entry_key, $1) AND NOT settled ORDER BY entry_key FOR UPDATE
"""
_SETTLED_OF_RUN = """
SELECT entry_key, units FROM aos.budget_entries WHERE starts_with(entry_key, $1) AND settled
"""
_ENSURE = """
INSERT INTO aos.budgets (key) SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING
"""
_LOCK = "SELECT key, spent, held FROM aos.budgets WHERE key = ANY ($1) ORDER BY key FOR UPDATE"
_HOLD = "UPDATE aos.budgets SET held = held + $2, updated_at = now() WHERE key = ANY ($1)"
_SPEND = """
UPDATE aos.budgets SET spent = spent + $2, held = held - $3, updated_at = now() WHERE key = ANY ($1)
"""
_LOCK_RATES = """
WITH made AS (
    INSERT INTO aos.rates (key) SELECT * FROM unnest($1::text[])
    ON CONFLICT (key) DO UPDATE SET key = excluded.key
    RETURNING key, tokens, extract(epoch FROM at)::float8 AS at_s
)
SELECT * FROM made
"""
_FILL = """
UPDATE aos.rates SET tokens = filled.tokens, at = to_timestamp($3)
FROM unnest($1::text[], $2::float8[]) AS filled (key, tokens) WHERE rates.key = filled.key
"""

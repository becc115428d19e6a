"""Budgets of this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aos_workflow.determinism import Clock, SystemClock
from aos_workflow.policies.decide import Bucket, decide, refilled
from aos_workflow.policies.values import Account, Rate, Reservation, Verdict

__all__ = ["MemoryBudgets"]


@dataclass(slots=True)
class _Balance:
    spent: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    """What became of an entry: held, or settled."""

    units: int
    accounts: tuple[str, ...]
    is_settled: bool


class MemoryBudgets:
    """See :class:`~aos_workflow.policies.port.BudgetStore`."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._balances: dict[str, _Balance] = {}
        self._entries: dict[str, _Entry] = {}
        self._buckets: dict[str, Bucket] = {}

    async def reserve(
        self, entry_key: str, units: int, accounts: Sequence[Account], rates: Sequence[Rate]
    ) -> Verdict:
        if entry_key in self._entries:
            return Verdict(True)
        now = self._clock.now().timestamp()
        balances = [self._balance(account.key) for account in accounts]
        buckets = [refilled(self._buckets.get(rate.key), rate, now) for rate in rates]
        verdict = decide(
            units,
            [(account, b.spent + b.held) for account, b in zip(accounts, balances, strict=True)],
            [(rate, bucket.tokens) for rate, bucket in zip(rates, buckets, strict=True)],
        )
        if not verdict.granted:
            return verdict
        for balance in balances:
            balance.held += units
        for rate, bucket in zip(rates, buckets, strict=True):
            self._buckets[rate.key] = Bucket(bucket.tokens - 1, now)
        keys = tuple(account.key for account in accounts)
        self._entries[entry_key] = _Entry(units, keys, is_settled=False)
        return verdict

    async def settle(self, reservation: Reservation, units: int) -> None:
        entry = self._entries.get(reservation.entry_key)
        if entry is not None and entry.is_settled:
            return
        for key in reservation.accounts:
            balance = self._balance(key)
            balance.held -= entry.units if entry is not None else 0
            balance.spent += units
        self._entries[reservation.entry_key] = _Entry(units, reservation.accounts, is_settled=True)

    async def release(self, reservation: Reservation) -> None:
        entry = self._entries.get(reservation.entry_key)
        if entry is None or entry.is_settled:
            return
        for key in entry.accounts:
            self._balance(key).held -= entry.units
        del self._entries[reservation.entry_key]

    async def reconcile(
        self, run_id: str, accounts: Sequence[Account], spent: Mapping[str, int]
    ) -> None:
        keys = tuple(account.key for account in accounts)
        held = [
            key
            for key, entry in self._entries.items()
            if key.startswith(f"{run_id}:") and not entry.is_settled and key not in spent
        ]
        for key in held:
            await self.release(Reservation(key, 0))
        for key, units in spent.items():
            await self.settle(Reservation(key, units, keys), units)

    async def settled(self, run_id: str) -> Mapping[str, int]:
        return {
            key: entry.units
            for key, entry in self._entries.items()
            if key.startswith(f"{run_id}:") and entry.is_settled
        }

    async def balance(self, key: str) -> tuple[int, int]:
        balance = self._balances.get(key, _Balance())
        return balance.spent, balance.held

    async def close(self) -> None:
        return None

    def _balance(self, key: str) -> _Balance:
        return self._balances.setdefault(key, _Balance())

"""The port of budget stores. One behavioural suite holds for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from aos_workflow.policies.values import Account, Rate, Reservation, Verdict

__all__ = ["BudgetStore"]


class BudgetStore(Protocol):
    """Counts what is spent and held, for one process or many. Each method is one atomic step.

    Methods raise PolicyStoreLostError if the store cannot be reached.
    """

    async def reserve(
        self, entry_key: str, units: int, accounts: Sequence[Account], rates: Sequence[Rate]
    ) -> Verdict:
        """Hold ``units`` in every account and take a token of every rate; or nothing at all.

        An entry that is held or settled already is granted again, and holds nothing more.
        """
        ...

    async def settle(self, reservation: Reservation, units: int) -> None:
        """What was held is spent, as ``units``; once for each entry."""
        ...

    async def release(self, reservation: Reservation) -> None:
        """What was held is free again. One that is settled stays so."""
        ...

    async def reconcile(
        self, run_id: str, accounts: Sequence[Account], spent: Mapping[str, int]
    ) -> None:
        """A run is taken up: what it held and has committed (``spent``, by entry) is settled; the rest is released."""
        ...

    async def settled(self, run_id: str) -> Mapping[str, int]:
        """What a run has spent, by entry."""
        ...

    async def balance(self, key: str) -> tuple[int, int]:
        """Spent and held units of an account."""
        ...

    async def close(self) -> None: ...

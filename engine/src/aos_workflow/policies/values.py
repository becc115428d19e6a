"""What a budget is asked, and what it answers. Money is in cents, kept in ten-thousandths so that sums are exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Account",
    "BudgetSnapshot",
    "Charge",
    "Rate",
    "Reservation",
    "RunScope",
    "Verdict",
    "cents_of",
    "units_of",
]

_UNITS = 10_000


def units_of(cents: float) -> int:
    """Cents as whole ten-thousandths: what stores add up."""
    return round(cents * _UNITS)


def cents_of(units: int) -> float:
    return units / _UNITS


@dataclass(frozen=True, slots=True)
class RunScope:
    """A run that begins, or goes on.

    ``spent`` maps an entry of each step that is committed already to the cents of all its tries. Those that are
    ``copied`` were done by the run that this one was forked from: they count in its own account, the tenant has paid.
    """

    run_id: str
    tenant_id: str
    workflow_id: str
    ceiling_cents: float | None = None
    spent: Mapping[str, float] = field(default_factory=dict)
    copied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Charge:
    """One try of a step, and what it is expected to cost. ``entry_key`` is charged once, whatever is repeated.

    It is the run's id, the step's path and the try, with colons between.
    """

    entry_key: str
    run_id: str
    tenant_id: str
    workflow_id: str
    step_path: str
    skill_id: str
    cents: float
    max_cents: float | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """Something money is spent from: ``key`` in the store, ``scope`` in words, and its ceiling."""

    key: str
    scope: str
    ceiling_units: int


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: ``key`` in the store, tokens a second, and how many it holds."""

    key: str
    scope: str
    per_s: float
    burst: float


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was set aside for a charge, in ``accounts``; of one that is not ``held`` the store was not told."""

    entry_key: str
    units: int
    accounts: tuple[str, ...] = ()
    held: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """A store's answer. Refused by the account or rate at this index, or granted.

    ``left_units`` is what the account had left, ``wait_s`` until the rate has room.
    """

    granted: bool
    account: int | None = None
    rate: int | None = None
    left_units: int = 0
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class BudgetSnapshot:
    """The limits in force when a run began. Goes into its golden: no times, nothing that was spent."""

    step_ceiling_cents: float | None
    workflow_ceiling_cents: float | None
    tenant_ceiling_cents: float | None
    rates: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "step_ceiling_cents": self.step_ceiling_cents,
            "workflow_ceiling_cents": self.workflow_ceiling_cents,
            "tenant_ceiling_cents": self.tenant_ceiling_cents,
            "rates": list(self.rates),
        }

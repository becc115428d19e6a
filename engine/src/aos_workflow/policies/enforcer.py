"""What may be spent, and how fast: asked before every try of a step, told after every commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from aos_workflow.determinism import Clock, SystemClock
from aos_workflow.errors import (
    BudgetExceededError,
    PolicyStoreLostError,
    PolicyViolationError,
    RateLimitedError,
)
from aos_workflow.policies.limits import Limits
from aos_workflow.policies.memory import MemoryBudgets
from aos_workflow.policies.port import BudgetStore
from aos_workflow.policies.values import (
    Account,
    BudgetSnapshot,
    Charge,
    Rate,
    Reservation,
    RunScope,
    Verdict,
    cents_of,
    units_of,
)

__all__ = ["PolicyEnforcer"]

T = TypeVar("T")


@dataclass(slots=True)
class _OpenRun:
    """``overspends``: its steps have cost more than they declared, so that those that declare nothing are asked for."""

    accounts: tuple[Account, ...]
    overspends: bool = False


class PolicyEnforcer:
    """Reserves before a step, settles once when it is committed, refuses what is beyond a limit.

    ``store`` counts: in this process without one. ``on_store_loss`` is what happens when it cannot be reached:
    ``closed`` stops steps, ``open`` lets them go; ``store_losses`` counts both.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        store: BudgetStore | None = None,
        *,
        clock: Clock | None = None,
        on_store_loss: Literal["closed", "open"] = "closed",
    ) -> None:
        self.limits = limits or Limits()
        self._clock = clock or SystemClock()
        self._store = store or MemoryBudgets(clock=self._clock)
        self._on_store_loss = on_store_loss
        self._runs: dict[str, _OpenRun] = {}
        self.store_losses = 0

    async def open_run(self, run: RunScope) -> BudgetSnapshot:
        """Say that a run begins or goes on; what it had committed or held before is put right.

        Raises:
            PolicyStoreLostError: the store cannot be reached, and is needed.
        """
        workflow = self.limits.workflow_ceiling(run.workflow_id, run.ceiling_cents)
        tenant = self.limits.tenant_ceiling(run.tenant_id)
        accounts = self._accounts(run, workflow, tenant)
        total = sum(run.spent.values())
        self._runs[run.run_id] = _OpenRun(accounts, workflow is not None and total > workflow)
        await self._asked(self._reconcile(run.run_id, accounts, run.spent, run.copied), None)
        return BudgetSnapshot(
            self.limits.step_ceiling_cents,
            workflow,
            tenant,
            tuple(rate.name for rate in self.limits.rates),
        )

    async def reserve(self, charge: Charge) -> Reservation:
        """Hold what a try is expected to cost; the same entry again holds nothing more.

        Raises:
            BudgetExceededError: the run, or its tenant, has not so much left.
            PolicyViolationError: a step may not cost so much.
            RateLimitedError: too many of these at once; carries when there is room.
            PolicyStoreLostError: the store cannot be reached.
        """
        rates = self._rates(charge) if self.limits.rates else ()
        run = self._runs.get(charge.run_id)
        accounts = run.accounts if run is not None else ()
        keys = tuple(account.key for account in accounts)
        overspends = run is not None and run.overspends
        if not charge.cents and not rates and not overspends:
            return Reservation(charge.entry_key, 0, keys, held=False)
        self._check_step(charge)
        units = units_of(charge.cents)
        asked = self._store.reserve(charge.entry_key, units, accounts, rates)
        verdict = await self._asked(asked, Verdict(True), charge)
        if not verdict.granted:
            raise self._refused(charge, verdict, accounts, rates)
        return Reservation(charge.entry_key, units, keys)

    async def settle(self, reservation: Reservation, cents: float) -> None:
        """Charge what a try has cost; once for each entry. Raises PolicyStoreLostError."""
        units = units_of(cents)
        run = self._runs.get(_run_of(reservation.entry_key))
        if run is not None and units > reservation.units:
            run.overspends = True
        if reservation.held or units:
            await self._asked(self._store.settle(reservation, units), None)

    async def release(self, reservation: Reservation) -> None:
        """Free what was held for a step that did not happen. Raises PolicyStoreLostError."""
        if reservation.held:
            await self._asked(self._store.release(reservation), None)

    async def settle_run(self, run_id: str, spent: Mapping[str, float]) -> None:
        """Put right what could not be settled when it was committed. Raises PolicyStoreLostError."""
        run = self._runs.get(run_id)
        if run is not None:
            await self._asked(self._reconcile(run_id, run.accounts, spent), None)

    async def close_run(self, run_id: str) -> None:
        """Forget a run that this process no longer has; what it spent stays counted."""
        self._runs.pop(run_id, None)

    async def answer(self) -> None:
        """Return if the store answers, whatever is to happen if it does not. Raises PolicyStoreLostError."""
        try:
            await self._store.balance("budget:run:")
        except PolicyStoreLostError:
            self.store_losses += 1
            raise

    async def aclose(self) -> None:
        await self._store.close()

    # inside

    async def _reconcile(
        self,
        run_id: str,
        accounts: tuple[Account, ...],
        spent: Mapping[str, float],
        copied: frozenset[str] = frozenset(),
    ) -> None:
        """Charge what is committed and was not charged by the tries; what is held still is free."""
        charged: Counter[str] = Counter()
        for key, units in (await self._store.settled(run_id) if spent else {}).items():
            charged[_step_of(key)] += units
        missing: dict[str, int] = {}
        for key, cents in spent.items():
            units, known = units_of(cents), charged[_step_of(key)]
            if units > known:
                missing[f"{key}-{units}" if known else key] = units - known
        own = tuple(account.key for account in accounts if account.key == _account_of(run_id))
        for key in sorted(copied & missing.keys()):
            await self._store.settle(Reservation(key, 0, own), missing.pop(key))
        await self._store.reconcile(run_id, accounts, missing)

    def _accounts(
        self, run: RunScope, workflow: float | None, tenant: float | None
    ) -> tuple[Account, ...]:
        accounts = []
        if workflow is not None:
            key = _account_of(run.run_id)
            accounts.append(Account(key, f"run {run.run_id!r}", units_of(workflow)))
        if tenant is not None:
            window = int(self._clock.now().timestamp() // self.limits.tenant_window_s)
            key = f"budget:tenant:{run.tenant_id}:{window}"
            accounts.append(Account(key, f"tenant {run.tenant_id!r}", units_of(tenant)))
        return tuple(accounts)

    def _rates(self, charge: Charge) -> tuple[Rate, ...]:
        return tuple(
            Rate(
                f"rate:{limit.name}:{charge.tenant_id}"
                if limit.per_tenant
                else f"rate:{limit.name}",
                limit.name,
                limit.per_s,
                limit.burst,
            )
            for limit in self.limits.rates
            if limit.skill in (None, charge.skill_id)
        )

    def _check_step(self, charge: Charge) -> None:
        for limit, what in (
            (charge.max_cents, "its max_cents"),
            (self.limits.step_ceiling_cents, "the ceiling of a step"),
        ):
            if limit is not None and charge.cents > limit:
                raise PolicyViolationError(
                    f"step {charge.step_path!r} of run {charge.run_id!r} would cost {charge.cents:g} cents; {what} is "
                    f"{limit:g}",
                    run_id=charge.run_id,
                    step_path=charge.step_path,
                    hint="raise the limit, or choose a cheaper skill; aos-workflow policy show",
                )

    def _refused(
        self,
        charge: Charge,
        verdict: Verdict,
        accounts: tuple[Account, ...],
        rates: tuple[Rate, ...],
    ) -> PolicyViolationError:
        where = f"step {charge.step_path!r} of run {charge.run_id!r}"
        if verdict.account is None:
            rate = rates[verdict.rate or 0]
            return RateLimitedError(
                f"{where}: rate {rate.scope!r} allows {rate.per_s:g} a second; there is room in {verdict.wait_s:.3g} s",
                retry_after_s=verdict.wait_s,
                run_id=charge.run_id,
                step_path=charge.step_path,
            )
        account = accounts[verdict.account]
        ceiling, left = cents_of(account.ceiling_units), cents_of(max(0, verdict.left_units))
        return BudgetExceededError(
            f"{where} would cost {charge.cents:g} cents; {account.scope} has {left:g} of {ceiling:g} left",
            scope=account.scope,
            ceiling_cents=ceiling,
            wanted_cents=charge.cents,
            left_cents=left,
            run_id=charge.run_id,
            step_path=charge.step_path,
            hint="raise the ceiling (DEFAULT_WORKFLOW_CEILING_CENTS, or the policy file), then: "
            f"aos-workflow resume --run-id {charge.run_id}; or this run's alone: the same with --budget-cents N",
        )

    async def _asked(self, answer: Awaitable[T], otherwise: T, charge: Charge | None = None) -> T:
        """The store's answer; if it is lost, ``otherwise`` or the error, as the policy says."""
        try:
            return await answer
        except PolicyStoreLostError as error:
            self.store_losses += 1
            if self._on_store_loss == "open":
                return otherwise
            if charge is not None:
                error.run_id, error.step_path = charge.run_id, charge.step_path
            raise


def _account_of(run_id: str) -> str:
    return f"budget:run:{run_id}"


def _run_of(entry_key: str) -> str:
    return entry_key.partition(":")[0]


def _step_of(entry_key: str) -> str:
    return entry_key.rpartition(":")[0]

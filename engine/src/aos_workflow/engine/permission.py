"""What must hold before every try of a step: no stop, no cancellation, the skill switched on, money and room left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aos_workflow.checkpoint.port import Store
from aos_workflow.checkpoint.records import Controls
from aos_workflow.engine.outcome import Cancelled, Outcome, Parked, Suspended
from aos_workflow.errors import (
    BudgetExceededError,
    EmergencyStopError,
    PolicyStoreLostError,
    RateLimitedError,
    SkillDisabledError,
)
from aos_workflow.policies import Charge, EmergencyStop, PolicyEnforcer
from aos_workflow.skills.skill import Skill

if TYPE_CHECKING:
    from aos_workflow.engine.run import Run, StepRequest

__all__ = ["ControlsReader", "Lease", "Permission"]

_STORE_LOST_DELAY_S = 5.0


class Lease(Protocol):
    """What is known of the run's head since the last commit."""

    epoch: int
    cancel_requested: bool


class ControlsReader:
    """What operators switched for the whole fleet, read again when a commit says that it changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: Controls | None = None

    async def at(self, epoch: int) -> Controls:
        """The controls as they are now, or were at ``epoch`` at the earliest."""
        known = self._known
        return known if known is not None and known.epoch >= epoch else await self.now()

    async def now(self) -> Controls:
        """The controls as they are now."""
        self._known = await self._store.controls()
        return self._known


@dataclass(frozen=True, slots=True)
class StepGate:
    """The way to the tries of one step; see :class:`~aos_workflow.engine.executor.Gate`."""

    permission: Permission
    run: Run
    request: StepRequest
    skill: Skill

    async def __call__(self, attempt: int) -> Any:
        return await self.permission.allow(self.run, self.request, self.skill, attempt)

    def spent(self, reservation: Any, cents: float) -> None:
        self.permission.owe(reservation, cents)


class Permission:
    """Asks everybody who may say no. In a replay nobody is asked.

    ``execution`` is the head's version when the run was taken up: it tells the tries of one execution from those of the
    next.

    ``park_after_s`` is how long a step may be made to wait here; beyond that the run is given up until then. ``None``
    has it wait as long as it takes.
    """

    def __init__(
        self,
        *,
        lease: Lease | None = None,
        execution: int = 0,
        controls: ControlsReader | None = None,
        emergency: EmergencyStop | None = None,
        policy: PolicyEnforcer | None = None,
        park_after_s: float | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._lease = lease
        self._execution = execution
        self._controls = controls
        self._emergency = emergency
        self._policy = policy
        self.park_after_s = park_after_s
        self._sleep = sleep
        self._is_unsettled = False
        self._owed: list[tuple[Any, float]] = []

    def gate(self, run: Run, request: StepRequest, skill: Skill) -> StepGate:
        """What the executor asks before each try."""
        return StepGate(self, run, request, skill)

    async def allow(self, run: Run, request: StepRequest, skill: Skill, attempt: int) -> Any:
        """Whether a try may begin; the reservation of what it may cost. What was spent before is charged first.

        Raises:
            SkillDisabledError, PolicyViolationError: the step fails. What stops the whole run halts it instead.
        """
        await self._check(run, skill)
        await self.pay()
        return await self._reserve(run, request, skill, attempt)

    def owe(self, reservation: Any, cents: float) -> None:
        """A try has cost this; charged before the next one, or when the run is left."""
        if self._policy is not None:
            self._owed.append((reservation, cents))

    async def pay(self) -> None:
        """Charge what is owed; what cannot be charged stays owed."""
        if self._policy is None:
            return
        owed, self._owed = self._owed, []
        while owed:
            try:
                await self._policy.settle(*owed[0])
            except PolicyStoreLostError:
                self._is_unsettled = True
                break
            except asyncio.CancelledError:
                self._owed += owed
                raise
            del owed[0]
        self._owed += owed

    async def settle(self, held: tuple[tuple[Any, float], ...]) -> None:
        """Charge the last try of a committed step; a crash in between charges it when the run is taken up."""
        for reservation, cents in held:
            self.owe(reservation, cents)
        await self.pay()

    async def release(self, held: tuple[tuple[Any, float], ...]) -> None:
        """The step does not count; nothing of it is charged."""
        if self._policy is not None:
            for reservation, _ in held:
                try:
                    await self._policy.release(reservation)
                except PolicyStoreLostError:
                    self._is_unsettled = True

    async def settle_all(
        self, run_id: str, spent: Mapping[str, float], outcome: Outcome
    ) -> Outcome:
        """Before a run ends: charge what could not be charged. If it still cannot be, the run has to wait for that."""
        await self.pay()
        if self._policy is None or not self._is_unsettled:
            return outcome
        try:
            await self._policy.settle_run(run_id, spent)
        except PolicyStoreLostError as error:
            return Parked(error.message, _STORE_LOST_DELAY_S)
        return outcome

    async def _check(self, run: Run, skill: Skill) -> None:
        if self._lease is None:
            return
        if self._lease.cancel_requested:
            await run.halt(Cancelled())
        stopped, reason = False, None
        if self._controls is not None:
            controls = await self._controls.at(self._lease.epoch)
            stopped, reason = controls.stopped, controls.stop_reason
            _refuse_disabled(controls, skill)
        if self._emergency is not None:
            try:
                self._emergency.check_step(db_stopped=stopped, db_reason=reason)
            except EmergencyStopError as error:
                run.executor.meter.held_up(error.code)
                await run.halt(Suspended(error.message, error.code))

    async def _reserve(self, run: Run, request: StepRequest, skill: Skill, attempt: int) -> Any:
        if self._policy is None:
            return None
        identity = run.identity
        charge = Charge(
            entry_key=f"{identity.run_id}:{request.path}:{self._execution}.{attempt}",
            run_id=identity.run_id,
            tenant_id=identity.tenant_id,
            workflow_id=identity.workflow_id,
            step_path=request.path,
            skill_id=skill.id,
            cents=request.cost_of(skill),
            max_cents=request.max_cents,
        )
        while True:
            try:
                return await self._policy.reserve(charge)
            except BudgetExceededError as error:
                run.executor.meter.held_up(error.code)
                await run.halt(Suspended(error.message, error.code))
            except RateLimitedError as error:
                run.executor.meter.held_up(error.code)
                await self._wait(
                    run, error.retry_after_s, Parked(error.message, error.retry_after_s)
                )
            except PolicyStoreLostError as error:
                run.executor.meter.held_up(error.code)
                await run.halt(self.store_lost(error))

    async def _wait(self, run: Run, delay_s: float, parked: Outcome) -> None:
        if self.park_after_s is not None and delay_s > self.park_after_s:
            await run.halt(parked)
        await self._sleep(delay_s)

    def store_lost(self, error: PolicyStoreLostError) -> Outcome:
        """How a run goes on that may not go on without its budget."""
        if self.park_after_s is None:
            return Suspended(error.message, error.code)
        return Parked(error.message, _STORE_LOST_DELAY_S)


def _refuse_disabled(controls: Controls, skill: Skill) -> None:
    if not controls.disabled_skills:
        return
    found = controls.disabled_skills.get((skill.id, None))
    if found is None:
        found = controls.disabled_skills.get((skill.id, skill.version))
    if found is not None:
        raise SkillDisabledError(
            f"skill {skill.id!r} is disabled: {found or 'no reason given'}",
            skill_id=skill.id,
            hint=f"aos-workflow skills enable {skill.id}",
        )

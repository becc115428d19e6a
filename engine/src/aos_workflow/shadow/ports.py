"""The ports of an engine with faults in them: store, budgets, executor of steps."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.checkpoint.records import Commit, Committed, RunStatus, Transition
from aos_workflow.engine.executor import Execution, Gate, StepCall, StepExecutor
from aos_workflow.errors import PolicyStoreLostError, RunStateError, StoreUnavailableError
from aos_workflow.golden import Rules
from aos_workflow.policies import MemoryBudgets
from aos_workflow.shadow.records import Fault
from aos_workflow.shadow.strikes import Strikes
from aos_workflow.skills.skill import SideEffects, Skill

__all__ = ["FaultyBudgets", "FaultyExecutor", "FaultyStore", "InjectedError"]

_LONG_S = 3600.0
_SHARE_OF_LIMIT = 0.5
"""A step is slowed down by no more than this share of its time limit, so that slowness alone changes nothing."""


class InjectedError(Exception):
    """The error that the fault ``exception`` raises in a step."""


class FaultyStore:
    """A store, seen over a connection at which something goes wrong now and then.

    ``crash`` ends the simulated process that asks, and ``shift`` moves the clock on the wall, by seconds.
    """

    def __init__(
        self,
        inner: MemoryStore,
        strikes: Strikes,
        *,
        crash: Callable[[Fault], None],
        shift: Callable[[float], None],
    ) -> None:
        self._inner = inner
        self._strikes = strikes
        self._crash = crash
        self._shift = shift

    def __getattr__(self, name: str) -> Any:
        return functools.partial(self._call, getattr(self._inner, name))

    async def commit(self, commit: Commit) -> Committed:
        """As the store's; before or after it, what is due."""
        done: Committed = await self._call(self._commit, commit)
        return done

    async def _call(self, method: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Ask the store, over a connection that may be lost before it hears of it, or before its answer is here."""
        lost = self._strikes.due("call") if self._strikes.has("call") else ()
        if lost and not lost[0].numbers["applied"]:
            raise _lost(method)
        answer = await method(*args, **kwargs)
        if lost:
            raise _lost(method)
        return answer

    async def _commit(self, commit: Commit) -> Committed:
        due = {fault.kind: fault for fault in self._strikes.due("commit")}
        if "clock_jump" in due and not await self._is_urgent():
            self._shift(due["clock_jump"].numbers["shift_s"])
        if "version_conflict" in due:
            await self._steal(commit.run_id)
        for kind in ("crash_before_commit", "worker_death"):
            if kind in due:
                await self._die(due[kind])
        done = await self._inner.commit(commit)
        if "duplicate_commit" in due:
            done = await self._inner.commit(commit)
        if "crash_after_commit" in due:
            await self._die(due["crash_after_commit"])
        return done

    async def _is_urgent(self) -> bool:
        """Whether a question would expire; then that would be the outcome, and not a fault of anybody."""
        questions = await self._inner.decisions(open_only=True)
        return any(question.expires_at_s is not None for question in questions)

    async def _steal(self, run_id: str) -> None:
        """Somebody else moves the run on meanwhile."""
        try:
            await self._inner.transition(Transition(run_id, RunStatus.QUEUED, by="simulation"))
        except RunStateError:
            return  # it is over already, or never was ours

    async def _die(self, fault: Fault) -> None:
        self._crash(fault)
        await asyncio.get_running_loop().create_future()


def _lost(method: Callable[..., object]) -> StoreUnavailableError:
    name = getattr(method, "__name__", "call").strip("_")
    return StoreUnavailableError(f"injected: the connection was lost during {name}")


class FaultyBudgets:
    """A budget store that cannot be reached now and then."""

    def __init__(self, inner: MemoryBudgets, strikes: Strikes) -> None:
        self._inner = inner
        self._strikes = strikes

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._inner, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            if self._strikes.due("budget"):
                raise PolicyStoreLostError("injected: the budget store cannot be reached")
            return await method(*args, **kwargs)

        return call


class FaultyExecutor(StepExecutor):
    """Does steps; some fail, take too long, or are slow."""

    def __init__(self, strikes: Strikes) -> None:
        super().__init__()
        self._strikes = strikes

    async def run(self, call: StepCall, rules: Rules, gate: Gate) -> Execution:
        """As the executor's."""
        due = {fault.kind: fault for fault in self._strikes.at_step(call.step_path)}
        if due:
            call = replace(call, skill=_spoilt(call, due))
        return await super().run(call, rules, gate)


def _spoilt(call: StepCall, due: Mapping[str, Fault]) -> Skill:
    """The skill of a call, with the faults in front of it."""
    tries = 0

    @functools.wraps(call.skill.function)
    async def function(**arguments: Any) -> Any:
        nonlocal tries
        tries += 1
        if "slow_step" in due:
            limit_s = (call.timeout_s or _LONG_S) * _SHARE_OF_LIMIT
            await asyncio.sleep(min(due["slow_step"].numbers["delay_s"], limit_s))
        if "timeout" in due and tries <= due["timeout"].numbers["tries"]:
            await asyncio.sleep(2 * (call.timeout_s or _LONG_S))
            raise TimeoutError("injected: no answer")
        if "exception" in due and tries <= due["exception"].numbers["tries"]:
            raise InjectedError(f"injected: try {tries} fails")
        return await _called(call.skill, arguments)

    spoilt = replace(call.skill, function=function)
    known = vars(call.skill) | vars(spoilt)  # what was worked out from annotations
    vars(spoilt).update(known | {"is_async": True})
    return spoilt


async def _called(skill: Skill, arguments: Mapping[str, Any]) -> Any:
    if skill.is_async:
        return await skill.function(**arguments)
    if skill.side_effects is SideEffects.NONE:
        return skill.function(**arguments)
    return await asyncio.to_thread(skill.function, **arguments)

"""What a run needs from its engine, in the two worlds: live, and in a replay."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aos_workflow.checkpoint.port import Store
from aos_workflow.checkpoint.records import Decision
from aos_workflow.skills.registry import SkillRegistry

if TYPE_CHECKING:
    from aos_workflow.engine.run import Run

__all__ = ["ChildOutcome", "LiveServices", "ReplayServices", "Sandbox", "Services"]


class Sandbox(Protocol):
    """Checks plans. :class:`aos_workflow.planner_sandbox.PlannerSandbox` is one."""

    def require(self, plan: Any) -> Any:
        """The plan in canonical form. Raises PlanRejectedError."""
        ...

    def require_inputs(self, skill: str, inputs: Any) -> None:
        """Judge the inputs of a plan's step once its references were resolved. Raises PlanRejectedError."""
        ...


@dataclass(frozen=True, slots=True)
class ChildOutcome:
    """What came of a child run, so far. Exactly one of its fields says so once it is ``over``."""

    over: bool
    output: Any = None
    error_code: str | None = None
    error_message: str | None = None


StartChild = Callable[["Run", str, Any, Mapping[str, Any]], Awaitable[ChildOutcome]]


class Services(Protocol):
    """Skills, plans, waiting, people, other runs."""

    @property
    def registry(self) -> SkillRegistry: ...

    @property
    def sandbox(self) -> Sandbox | None: ...

    @property
    def park_after_s(self) -> float | None: ...

    async def sleep(self, delay_s: float) -> None: ...

    async def ask(self, question: Decision, expires_in_s: float | None) -> Decision: ...

    async def run_child(
        self, run: Run, path: str, workflow: Any, inputs: Mapping[str, Any]
    ) -> ChildOutcome: ...


@dataclass(frozen=True)
class LiveServices:
    """Those of an engine. ``park_after_s`` is how long a run may wait within its worker; ``None``: for ever."""

    registry: SkillRegistry
    sandbox: Sandbox | None
    store: Store
    start_child: StartChild
    wait: Callable[[float], Awaitable[None]]
    park_after_s: float | None = None

    async def sleep(self, delay_s: float) -> None:
        await self.wait(delay_s)

    async def ask(self, question: Decision, expires_in_s: float | None) -> Decision:
        return await self.store.ask(question, expires_in_s=expires_in_s)

    async def run_child(
        self, run: Run, path: str, workflow: Any, inputs: Mapping[str, Any]
    ) -> ChildOutcome:
        return await self.start_child(run, path, workflow, inputs)


@dataclass(frozen=True)
class ReplayServices:
    """Nobody is asked: what a replay needs is in its journal, and what a dry run has not stays open."""

    registry: SkillRegistry
    sandbox: Sandbox | None
    park_after_s: float | None = None

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(0 if self.park_after_s is None else delay_s)

    async def ask(self, question: Decision, expires_in_s: float | None) -> Decision:
        return question

    async def run_child(
        self, run: Run, path: str, workflow: Any, inputs: Mapping[str, Any]
    ) -> ChildOutcome:
        return ChildOutcome(False)

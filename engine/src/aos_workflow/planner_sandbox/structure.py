"""The outline of a plan: an object with steps, each with an id, a skill, inputs and dependencies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from aos_workflow.planner_sandbox.findings import Code, Collector, Place, shown
from aos_workflow.planner_sandbox.policy import SandboxPolicy
from aos_workflow.planner_sandbox.unfold import skeleton

__all__ = ["PLAN_KEYS", "STEP_KEYS", "Step", "outline"]

PLAN_KEYS = frozenset(
    [
        *("steps", "workflow_id", "version", "name", "description", "inputs", "outputs", "timeout_s"),
        *("max_parallel", "budget_cents", "goal", "rationale", "metadata"),
    ]
)  # fmt: skip
STEP_KEYS = frozenset(
    [
        *("step_id", "skill", "skill_version", "description", "inputs", "depends_on", "when", "retry"),
        *("timeout_s", "cost_cents", "max_cents", "idempotency_key", "name", "rationale"),
    ]
)  # fmt: skip

_STEP_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Step:
    """What is known of a step after its outline was checked; parts that did not fit are empty."""

    index: int
    step_id: str | None
    data: dict[str, Any]
    depends_on: tuple[tuple[int, str], ...]
    """Ids, each with its place in the list."""

    @property
    def place(self) -> Place:
        return ("steps", self.index)


def outline(plan: Any, policy: SandboxPolicy, found: Collector) -> list[Step]:
    """The steps of a plan; what is no step is reported and left out."""
    if type(plan) is not dict:
        found.add(Code.PLAN_SHAPE, (), "expected an object with a list of steps")
        return []
    for key in plan.keys() - PLAN_KEYS:
        found.add(Code.FIELD_UNKNOWN, (key,), "not a field of a plan", "warning")
    steps = plan.get("steps")
    if type(steps) is not list:
        found.add(Code.PLAN_SHAPE, ("steps",), "expected a list of steps")
        return []
    if not steps:
        found.add(Code.PLAN_EMPTY, ("steps",), "no steps")
    if len(steps) > policy.max_steps:
        message = f"{len(steps):,} steps; the limit is {policy.max_steps:,}"
        found.add(Code.PLAN_TOO_MANY_STEPS, ("steps",), message)
    result = [_step(index, step, found) for index, step in enumerate(steps)]
    known = [step for step in result if step is not None]
    _check_unique(known, found)
    return known


def _step(index: int, step: Any, found: Collector) -> Step | None:
    place: Place = ("steps", index)
    if type(step) is not dict:
        found.add(Code.STEP_SHAPE, place, "expected an object")
        return None
    for key in step.keys() - STEP_KEYS:
        found.add(Code.FIELD_UNKNOWN, (*place, key), "not a field of a step", "warning")
    if type(step.get("inputs", {})) is not dict:
        found.add(Code.STEP_SHAPE, (*place, "inputs"), "expected an object")
    if type(step.get("skill_version")) not in (str, type(None)):
        found.add(Code.STEP_SHAPE, (*place, "skill_version"), "expected a text")
    return Step(index, _step_id(step, place, found), step, _depends_on(step, place, found))


def _step_id(step: dict[str, Any], place: Place, found: Collector) -> str | None:
    step_id = step.get("step_id")
    if type(step_id) is str and _STEP_ID.fullmatch(step_id) and step_id != "inputs":
        return step_id
    what = shown(step_id) if type(step_id) is str else "no text"
    message = f"{what}; expected a letter or '_' and at most 63 letters, digits, '_' and '-'"
    found.add(Code.STEP_ID, (*place, "step_id"), message)
    return None


def _depends_on(
    step: dict[str, Any], place: Place, found: Collector
) -> tuple[tuple[int, str], ...]:
    depends_on = step.get("depends_on")
    if depends_on is None:
        return ()
    if type(depends_on) is not list:
        found.add(Code.STEP_SHAPE, (*place, "depends_on"), "expected a list of step ids")
        return ()
    for index, step_id in enumerate(depends_on):
        if type(step_id) is not str:
            found.add(Code.STEP_SHAPE, (*place, "depends_on", index), "expected a step id")
    return tuple((index, item) for index, item in enumerate(depends_on) if type(item) is str)


def _check_unique(steps: list[Step], found: Collector) -> None:
    first: dict[str, int] = {}
    for step in steps:
        written = step.data.get("step_id")
        if type(written) is not str:
            continue
        seen = first.setdefault(step.step_id or skeleton(written), step.index)
        if seen != step.index:
            message = f"{shown(written)} is also the id of .steps[{seen}]"
            found.add(Code.STEP_DUPLICATE, (*step.place, "step_id"), message)

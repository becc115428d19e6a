"""What a plan may cost at most, added up exactly."""

from __future__ import annotations

from decimal import Decimal
from math import isfinite
from typing import Any

from aos_workflow.planner_sandbox.findings import Code, Collector
from aos_workflow.planner_sandbox.policy import SandboxPolicy
from aos_workflow.planner_sandbox.skills import SkillJudge
from aos_workflow.planner_sandbox.structure import Step

__all__ = ["check_costs"]

_MAX_CENTS = 10**10
"""What the cost ledger holds: 100 million dollars."""


def check_costs(
    steps: list[Step], policy: SandboxPolicy, skills: SkillJudge, found: Collector
) -> None:
    """Report costs that are no amounts, that nobody knows, or that pass a ceiling.

    A step costs its tries times the higher of what the plan and the skill say, but at most ``max_cents``.
    """
    total = Decimal(0)
    for step in steps:
        cost = _cost_of(step, policy, skills, found)
        if cost is None:
            continue
        total += cost
        ceiling = policy.step_ceiling_cents
        if ceiling is not None and cost > _exact(ceiling):
            message = f"{_written(cost)} cents; the ceiling of a step is {ceiling}"
            found.add(Code.COST_STEP_CEILING, step.place, message)
    ceiling = policy.cost_ceiling_cents
    if ceiling is not None and total > _exact(ceiling):
        message = f"{_written(total)} cents in all; the ceiling is {ceiling}"
        found.add(Code.COST_CEILING, ("steps",), message)


def _cost_of(
    step: Step, policy: SandboxPolicy, skills: SkillJudge, found: Collector
) -> Decimal | None:
    """The highest cost of a step, or None if there is no telling."""
    tries = _tries(step, policy, found)
    amounts = {key: _amount(step, key, found) for key in ("cost_cents", "max_cents")}
    rule = skills.rule(step.data.get("skill"))
    declared = rule.cost_cents if rule else None
    known = [amounts["cost_cents"], None if declared is None else _exact(declared)]
    one_try = max((cost for cost in known if cost is not None), default=None)
    limit = amounts["max_cents"]
    if one_try is None:
        has_ceiling = policy.cost_ceiling_cents is not None or policy.step_ceiling_cents is not None
        is_told = step.data.keys() & {"cost_cents", "max_cents"}
        if limit is None and has_ceiling and rule is not None and not is_told:
            message = "neither the plan nor the skill says what this costs; set cost_cents"
            found.add(Code.COST_UNKNOWN, step.place, message)
        return limit
    return one_try * tries if limit is None else max(one_try, min(limit, one_try * tries))


def _amount(step: Step, key: str, found: Collector) -> Decimal | None:
    value = step.data.get(key)
    place = (*step.place, key)
    if value is None:
        return None
    if type(value) not in (int, float):
        found.add(Code.COST_INVALID, place, f"{type(value).__name__}; expected a number of cents")
    elif not isfinite(value):
        found.add(Code.COST_INVALID, place, f"{value}; expected a finite number of cents")
    elif value < 0:
        found.add(Code.COST_NEGATIVE, place, "below 0")
    elif value > _MAX_CENTS:
        found.add(Code.COST_INVALID, place, f"more than {_MAX_CENTS:,} cents")
        return _exact(value)
    else:
        return _exact(value)
    return None


def _tries(step: Step, policy: SandboxPolicy, found: Collector) -> int:
    retry: Any = step.data.get("retry")
    tries = retry.get("max_attempts", 1) if type(retry) is dict else 1 if retry is None else retry
    if type(tries) is int and 1 <= tries <= policy.max_attempts:
        return tries
    message = f"expected 1 to {policy.max_attempts} tries"
    found.add(Code.STEP_RETRY, (*step.place, "retry"), message)
    return 1


def _exact(cents: int | float) -> Decimal:
    """As it is written: ten times 0.1 is 1."""
    return Decimal(repr(cents))


def _written(cents: Decimal) -> str:
    return f"{cents:,}" if cents < _MAX_CENTS * 1000 else f"{cents:.3E}"

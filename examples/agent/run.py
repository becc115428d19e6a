"""One run of the agent, from the alert to the summary."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agent.model import CannedModel
from agent.planner import Plan, PlannedStep, make_plan
from agent.tools import PRICES_CENTS, TOOLS

__all__ = ["AgentRun", "Step", "costs", "run_agent"]


@dataclass(frozen=True)
class Step:
    """A tool call that happened."""

    step_id: str
    tool: str
    arguments: Mapping[str, Any]
    output: Mapping[str, Any]
    cost_cents: int
    incident: uuid.UUID
    started_at: datetime
    took_ms: float


@dataclass(frozen=True)
class AgentRun:
    """Everything that happened in a run. ``incident`` is the id that all its steps carry."""

    run_id: uuid.UUID
    incident: uuid.UUID
    started_at: datetime
    seed: int
    alert: Mapping[str, Any]
    plan: Plan
    steps: list[Step]
    summary: str
    total_cents: int


def run_agent(alert: Mapping[str, Any], seed: int) -> AgentRun:
    """Plan, call the tools, sum up. The same alert and seed give the same run, but for ids and times."""
    started_at = datetime.now(UTC)
    incident = uuid.uuid4()
    model = CannedModel(seed)
    plan = make_plan(alert, model)
    steps = [_call(planned, incident) for planned in plan.steps]
    summary = model.ask("summary", plan.hypothesis, service=alert["service"])
    return AgentRun(
        run_id=uuid.uuid4(),
        incident=incident,
        started_at=started_at,
        seed=seed,
        alert=alert,
        plan=plan,
        steps=steps,
        summary=summary.text,
        total_cents=plan.planning_cents + sum(s.cost_cents for s in steps) + summary.cost_cents,
    )


def _call(planned: PlannedStep, incident: uuid.UUID) -> Step:
    started_at, began = datetime.now(UTC), time.perf_counter()
    output = TOOLS[planned.tool](**planned.arguments)
    return Step(
        step_id=planned.step_id,
        tool=planned.tool,
        arguments=planned.arguments,
        output=output,
        cost_cents=PRICES_CENTS[planned.tool],
        incident=incident,
        started_at=started_at,
        took_ms=(time.perf_counter() - began) * 1000,
    )


def costs(run: AgentRun) -> dict[str, int]:
    """What each step cost, in cents."""
    by_step = {step.step_id: step.cost_cents for step in run.steps}
    return {"planning": run.plan.planning_cents, **by_step, "total": run.total_cents}

"""From an alert to a plan: which tools, in which order, for at most how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.model import CannedModel

__all__ = ["Plan", "PlannedStep", "make_plan"]


@dataclass(frozen=True)
class PlannedStep:
    """One tool call to come. A plan is data; nothing in it is executed as code."""

    step_id: str
    tool: str
    arguments: Mapping[str, Any]
    max_cents: int
    depends_on: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """What the agent means to do, and why."""

    goal: str
    hypothesis: str
    confidence: float
    planning_cents: int
    steps: list[PlannedStep]

    @property
    def max_cents(self) -> int:
        return self.planning_cents + sum(step.max_cents for step in self.steps)


def make_plan(alert: Mapping[str, Any], model: CannedModel) -> Plan:
    """The plan for an alert, as the model sees it."""
    service = alert["service"]
    prompt = f"{alert['title']} on {service}, severity {alert['severity']}. What is wrong?"
    answer = model.ask("hypothesis", prompt)
    steps = [
        PlannedStep("logs", "read_logs", {"service": service, "level": "error"}, max_cents=2),
        PlannedStep("runbook", "search_runbooks", {"query": answer.text[:40]}, max_cents=4),
        PlannedStep("restart", "restart", {"service": service}, 5, ["logs", "runbook"]),
    ]
    return Plan(
        goal=f"bring {service} back to normal",
        hypothesis=answer.text,
        confidence=model.confidence(),
        planning_cents=answer.cost_cents,
        steps=steps,
    )

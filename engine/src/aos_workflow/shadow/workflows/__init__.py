"""Workflows that are shipped to be simulated: one of each kind that people write."""

from __future__ import annotations

from aos_workflow.shadow.scenarios import Programs, Scenario
from aos_workflow.shadow.workflows import approval, compute, fan_out, io, llm, planner
from aos_workflow.skills import Skill, SkillRegistry

__all__ = ["shipped"]

_MODULES = (compute, io, llm, planner, approval, fan_out)


def shipped() -> Programs:
    """All of them, with their skills and the inputs that they are given."""
    registry = SkillRegistry()
    scenarios = []
    for module in _MODULES:
        for item in vars(module).values():
            if isinstance(item, Skill):
                registry.register(item)
            elif isinstance(item, Scenario):
                scenarios.append(item)
    return Programs(scenarios, registry)

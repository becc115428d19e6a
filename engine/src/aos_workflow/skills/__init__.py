"""Skills: what a step can do. A function with an id, a version and a declared effect on the outside world."""

from __future__ import annotations

from aos_workflow.skills.probing import Probed, probe_all
from aos_workflow.skills.registry import SkillRegistry, SkillState
from aos_workflow.skills.skill import SideEffects, Skill, skill
from aos_workflow.skills.step_context import StepContext, current_step, step_context

__all__ = [
    "Probed",
    "SideEffects",
    "Skill",
    "SkillRegistry",
    "SkillState",
    "StepContext",
    "current_step",
    "probe_all",
    "skill",
    "step_context",
]

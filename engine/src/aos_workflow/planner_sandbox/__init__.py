"""Judging plans that a language model wrote, before anything of them runs.

A plan is data: it is copied, read and compared, never executed, imported, resolved or fetched.
``kinds`` says what each field is taken for, ``screening`` what is looked for in it.
"""

from aos_workflow.planner_sandbox.findings import Code, Finding, Severity, Verdict
from aos_workflow.planner_sandbox.kinds import Kind
from aos_workflow.planner_sandbox.policy import SandboxPolicy, SkillRule
from aos_workflow.planner_sandbox.sandbox import PlannerSandbox

__all__ = [
    "Code",
    "Finding",
    "Kind",
    "PlannerSandbox",
    "SandboxPolicy",
    "Severity",
    "SkillRule",
    "Verdict",
]

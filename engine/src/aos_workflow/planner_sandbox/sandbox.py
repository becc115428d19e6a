"""The sandbox: a plan goes in, a verdict with every reason comes out."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace
from typing import Any

from aos_workflow.errors import PlanRejectedError
from aos_workflow.golden import canonical_json, strict_json
from aos_workflow.planner_sandbox.costs import check_costs
from aos_workflow.planner_sandbox.fields import Field, Fields
from aos_workflow.planner_sandbox.findings import Code, Collector, Finding, Verdict, shown
from aos_workflow.planner_sandbox.graph import Use, check_graph
from aos_workflow.planner_sandbox.policy import SandboxPolicy
from aos_workflow.planner_sandbox.reading import PlanUnreadable, read
from aos_workflow.planner_sandbox.references import split
from aos_workflow.planner_sandbox.screening import STRUCTURED, screen
from aos_workflow.planner_sandbox.skills import SkillJudge
from aos_workflow.planner_sandbox.structure import outline

__all__ = ["PlannerSandbox"]


class PlannerSandbox:
    """Judges plans by a policy. Holds no state between plans; safe to share between threads.

    Without a policy no skill is allowed, so every plan is refused.
    """

    def __init__(self, policy: SandboxPolicy | None = None) -> None:
        self.policy = policy or SandboxPolicy()
        self._skills = SkillJudge(self.policy)

    def validate(self, plan: Any) -> Verdict:
        """What is wrong with a plan, all of it at once. Never raises for any input.

        ``plan`` is plain data (objects, lists, texts, numbers) or strict JSON as text or bytes. Beyond a limit of
        size, depth or count only that is reported.
        """
        found = Collector(self.policy.max_findings)
        try:
            data = read(plan, self.policy, found)
        except PlanUnreadable:
            return found.verdict(None)
        steps = outline(data, self.policy, found)
        if type(data) is not dict:
            return found.verdict(None)
        for step in steps:
            reasons = self._skills.judge(step.data.get("skill"), step.data.get("skill_version"))
            found.extend((*step.place, "skill"), reasons)
        check_costs(steps, self.policy, self._skills, found)
        sources = {step.step_id for step in steps if step.step_id} | self.policy.reference_roots
        fields = Fields(self.policy, self._skills, found).of_plan(data)
        uses = self._screen(fields, sources, found)
        check_graph(steps, uses, self.policy, self._skills, found)
        verdict = found.verdict(data)
        return replace(verdict, plan=_canonical(verdict.plan)) if verdict.plan else verdict

    def require(self, plan: Any) -> dict[str, Any]:
        """The plan to run: a copy that nobody else holds.

        Raises:
            PlanRejectedError: with every reason.
        """
        verdict = self.validate(plan)
        if verdict.plan is None:
            raise PlanRejectedError([finding.to_dict() for finding in verdict.findings])
        return verdict.plan

    def validate_inputs(self, skill: str, inputs: Any) -> tuple[Finding, ...]:
        """What is wrong with a step's inputs once its references were resolved.

        A plan cannot show what an earlier step will give, only that it is used (``VALUE_DYNAMIC``); call this right
        before the step runs. References are literal text here.
        """
        found = Collector(self.policy.max_findings)
        try:
            data = read({"inputs": inputs}, self.policy, found)["inputs"]
        except PlanUnreadable:
            return found.verdict(None).findings
        if type(data) is not dict:
            found.add(Code.STEP_SHAPE, ("inputs",), "expected an object")
            return found.verdict(None).findings
        for field in Fields(self.policy, self._skills, found).of_inputs(skill, data):
            if found.is_full:
                break
            found.extend(field.place, screen(field.kind, field.text, self.policy))
        return found.verdict(None).findings

    def require_inputs(self, skill: str, inputs: Any) -> None:
        """As :meth:`validate_inputs`.

        Raises:
            PlanRejectedError: with every reason.
        """
        found = self.validate_inputs(skill, inputs)
        if any(finding.severity == "error" for finding in found):
            raise PlanRejectedError([finding.to_dict() for finding in found])

    def _screen(self, fields: Iterable[Field], sources: Set[str], found: Collector) -> list[Use]:
        """Judge every text; gives the references on the way."""
        uses: dict[Use, None] = {}
        for field in fields:
            if found.is_full:
                break
            parts = split(field.text, sources)
            if parts.malformed is not None and not field.is_derived:
                message = (
                    f"{shown(parts.malformed)} begins no reference; for a literal ${{ write $${{"
                )
                found.add(Code.REFERENCE_SYNTAX, field.place, message)
            if parts.references:
                if not field.is_derived:
                    uses |= {
                        Use(field.place, each, _step_of(field)): None for each in parts.references
                    }
                if field.kind in STRUCTURED:
                    message = f"a {field.kind} that is known at run time only; check it with validate_inputs"
                    found.add(Code.VALUE_DYNAMIC, field.place, message, "warning")
            if not parts.is_whole:
                found.extend(field.place, screen(field.kind, parts.text, self.policy))
        return list(uses)


def _canonical(plan: dict[str, Any]) -> dict[str, Any]:
    """The plan with its keys sorted and its numbers spelled as JCS does (``2.0`` is 2)."""
    text = canonical_json(plan).text
    canonical: dict[str, Any] = strict_json.loads(text, max_bytes=len(text))
    return canonical


def _step_of(field: Field) -> int | None:
    match field.place:
        case ("steps", int(index), *_):
            return index
        case _:
            return None

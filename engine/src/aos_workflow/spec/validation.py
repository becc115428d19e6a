"""A whole document, checked at once: every problem with its place, line and column."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any, TypeAlias

from pydantic import ValidationError

from aos_workflow.errors import RunInputsError, SpecError, SpecProblem
from aos_workflow.spec.checks import check
from aos_workflow.spec.kinds import object_misfits, with_defaults
from aos_workflow.spec.limits import MAX_PROBLEMS
from aos_workflow.spec.models import WorkflowSpec
from aos_workflow.spec.plain import NotReadableError, check_plain
from aos_workflow.spec.problems import Finding, Locate, Path, to_problems
from aos_workflow.spec.schema import schema_findings

__all__ = ["KnownSkills", "check_inputs", "find_problems", "spec_from_data"]

KnownSkills: TypeAlias = Mapping[str, Collection[str]]
"""The versions of each skill there is. A skill without any has whichever version is asked for."""


def spec_from_data(
    document: Any,
    *,
    known_skills: KnownSkills | None = None,
    file: str = "",
    locate: Locate | None = None,
    found_before: Collection[Finding] = (),
) -> WorkflowSpec:
    """The spec that JSON data (dictionaries, lists, scalars) describes.

    ``file``, ``locate`` and ``found_before`` come from the reader of a text: where it is, where each value stands in
    it, and what it found wrong itself.

    Raises:
        SpecError: carries every problem, warnings included, if there is at least one error.
    """
    spec, findings = _inspect(document, known_skills)
    problems = to_problems([*found_before, *findings], locate)
    if spec is None or any(problem.severity == "error" for problem in problems):
        raise SpecError(problems, file=file)
    return spec


def find_problems(
    document: Any, *, known_skills: KnownSkills | None = None
) -> tuple[SpecProblem, ...]:
    """Everything wrong with JSON data or with a spec, warnings included; nothing if all is well."""
    if isinstance(document, WorkflowSpec):
        return to_problems(islice(check(document.model_dump(), known_skills), MAX_PROBLEMS + 1))
    return to_problems(_inspect(document, known_skills)[1])


def check_inputs(spec: WorkflowSpec, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a run, with what is left out filled in as the spec declares.

    Raises:
        RunInputsError: carries every input that is missing, undeclared or of the wrong kind, and never a value.
    """
    if spec.inputs is None:
        return dict(inputs)
    findings = list(islice(object_misfits(spec.inputs, inputs, ()), MAX_PROBLEMS + 1))
    if findings:
        raise RunInputsError(to_problems(findings))
    return with_defaults(spec.inputs, inputs)


def _inspect(
    document: Any, known_skills: KnownSkills | None
) -> tuple[WorkflowSpec | None, list[Finding]]:
    try:
        findings = check_plain(document)
    except NotReadableError as error:
        return None, [error.finding]
    spec = None
    try:
        spec = WorkflowSpec.model_validate(document)
    except ValidationError as error:
        seen = {finding.path for finding in findings}
        findings += [
            finding
            for finding in islice(schema_findings(error, document), MAX_PROBLEMS + 1)
            if not _is_below(finding.path, seen)
        ]
    findings += islice(check(document, known_skills), MAX_PROBLEMS + 1)
    return spec, findings


def _is_below(path: Path, seen: Collection[Path]) -> bool:
    """Whether a path, or one above it, has a finding already."""
    return bool(seen) and any(path[:depth] in seen for depth in range(1, len(path) + 1))

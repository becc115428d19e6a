"""Workflow specs, their references, and plans."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from aos_workflow.errors.base import AosError

__all__ = [
    "PlanRejectedError",
    "ReferenceSyntaxError",
    "RunInputsError",
    "SpecError",
    "SpecProblem",
    "UnresolvedReferenceError",
]


@dataclass(frozen=True, slots=True)
class SpecProblem:
    """One thing that is wrong with a spec, or with the inputs of a run.

    ``place`` is a path such as ``.steps[2].inputs.target``; ``line`` and ``column`` (from 1) are known when the spec
    was read from text. ``code`` is stable and meant to be grepped for. A ``warning`` alone refuses nothing.
    """

    place: str
    line: int | None
    column: int | None
    code: str
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        position = "" if self.line is None else f"{self.line}:{self.column or 1}: "
        mark = "" if self.severity == "error" else f"{self.severity} "
        return f"{position}{self.place}: {mark}{self.code}: {self.message}"

    def order(self) -> tuple[int, int, str, str, str]:
        """By line and column where these are known, then by place with numbers as numbers."""
        place = re.sub(r"[0-9]+", lambda digits: digits[0].zfill(12), self.place)
        return (self.line or 0, self.column or 0, place, self.code, self.message)


class SpecError(AosError):
    """A workflow spec that cannot be run. ``problems`` are all of them, in the order of their places.

    ``file`` is where the spec was read from, or empty.
    """

    code = "SPEC_INVALID"
    category = "spec"
    what: ClassVar[str] = "workflow spec"

    def __init__(
        self, problems: Sequence[SpecProblem], *, file: str = "", hint: str | None = None
    ) -> None:
        self.problems = tuple(problems)
        self.file = file
        where = f"{file}:" if file else ""
        lines = [f"  {where}{problem}" for problem in self.problems]
        count = f"{len(lines)} problem{'' if len(lines) == 1 else 's'}"
        head = f"{file}: {count}" if file else f"{self.what}: {count}"
        super().__init__("\n".join([head, *lines]), hint=hint)

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "problems": [asdict(problem) for problem in self.problems]}


class RunInputsError(SpecError):
    """The inputs of a run are not what its spec declares. ``problems`` are all of them."""

    code = "RUN_INPUTS_INVALID"
    what = "inputs of the run"


class ReferenceSyntaxError(AosError):
    """A ``${`` that begins no reference. ``column`` (from 1) says where in the text, ``reason`` why."""

    code = "REFERENCE_SYNTAX"
    category = "spec"

    def __init__(
        self, message: str, *, column: int = 1, reason: str = "", hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.column = column
        self.reason = reason


class UnresolvedReferenceError(AosError):
    """A reference to what is not there, found before the step runs.

    ``step_id`` is the step that refers (empty for the outputs of the workflow), ``place`` the path within it,
    ``reference`` the reference as written, and ``available`` the names that would have been found instead.
    """

    code = "REFERENCE_UNRESOLVED"
    category = "spec"

    def __init__(
        self,
        message: str,
        *,
        step_id: str = "",
        place: str = "",
        reference: str = "",
        available: tuple[str, ...] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.step_id = step_id
        self.place = place
        self.reference = reference
        self.available = available


class PlanRejectedError(AosError):
    """A planner's plan that may not run. ``findings`` are all of them, in the order of the plan.

    Each is JSON data with ``code``, ``path``, ``message`` and ``severity``; a ``warning`` alone refuses nothing.
    """

    code = "PLAN_REJECTED"
    category = "security"

    def __init__(self, findings: Sequence[dict[str, str]], *, hint: str | None = None) -> None:
        self.findings = tuple(findings)
        reasons = [each for each in self.findings if each["severity"] == "error"]
        count = f"{len(reasons)} reason{'' if len(reasons) == 1 else 's'}"
        lines = [f"  {each['path']}: {each['code']}: {each['message']}" for each in reasons]
        super().__init__(
            "\n".join([f"plan rejected, {count}; nothing of it ran", *lines]),
            hint=hint or "plan again with these reasons, or have an operator change the policy",
        )

    @property
    def codes(self) -> frozenset[str]:
        """The codes of what refuses the plan."""
        return frozenset(each["code"] for each in self.findings if each["severity"] == "error")

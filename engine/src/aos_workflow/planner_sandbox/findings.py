"""What the sandbox says about a plan: codes, findings, verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, NamedTuple, TypeAlias

from aos_workflow.golden.paths import format_path
from aos_workflow.golden.secret_scan import redact

__all__ = ["Code", "Collector", "Finding", "Place", "Reason", "Severity", "Verdict", "shown"]

Severity: TypeAlias = Literal["error", "warning"]
Place: TypeAlias = tuple[str | int, ...]
"""Keys and list indexes from the plan's root down."""

_SHOWN_CHARS = 60
_MASKED_CHARS = 2048


class Code(StrEnum):
    """Why a plan is refused. The values are stable and meant to be grepped for."""

    # The plan as a piece of data.
    PLAN_JSON = "PLAN_JSON"
    PLAN_DUPLICATE_KEY = "PLAN_DUPLICATE_KEY"
    PLAN_TYPE = "PLAN_TYPE"
    PLAN_NUMBER = "PLAN_NUMBER"
    PLAN_TEXT = "PLAN_TEXT"
    PLAN_TOO_LARGE = "PLAN_TOO_LARGE"
    PLAN_TOO_DEEP = "PLAN_TOO_DEEP"
    PLAN_TOO_MANY_VALUES = "PLAN_TOO_MANY_VALUES"
    PLAN_TOO_MANY_STEPS = "PLAN_TOO_MANY_STEPS"
    PLAN_SHAPE = "PLAN_SHAPE"
    PLAN_EMPTY = "PLAN_EMPTY"
    TOO_MANY_FINDINGS = "TOO_MANY_FINDINGS"
    # Steps and fields.
    STEP_SHAPE = "STEP_SHAPE"
    STEP_ID = "STEP_ID"
    STEP_DUPLICATE = "STEP_DUPLICATE"
    STEP_NESTED = "STEP_NESTED"
    STEP_RETRY = "STEP_RETRY"
    FIELD_UNKNOWN = "FIELD_UNKNOWN"
    FIELD_PROTECTED = "FIELD_PROTECTED"
    FIELD_TOO_LONG = "FIELD_TOO_LONG"
    KEY_UNSAFE = "KEY_UNSAFE"
    TEXT_HIDDEN = "TEXT_HIDDEN"
    TEXT_ENCODED = "TEXT_ENCODED"
    VALUE_DYNAMIC = "VALUE_DYNAMIC"
    # Skills.
    SKILL_NOT_FOUND = "SKILL_NOT_FOUND"
    SKILL_FORBIDDEN = "SKILL_FORBIDDEN"
    SKILL_DISABLED = "SKILL_DISABLED"
    SKILL_DISGUISED = "SKILL_DISGUISED"
    SKILL_VERSION = "SKILL_VERSION"
    # The graph.
    DEPENDENCY_MISSING = "DEPENDENCY_MISSING"
    DEPENDENCY_CYCLE = "DEPENDENCY_CYCLE"
    REFERENCE_MISSING = "REFERENCE_MISSING"
    REFERENCE_FORWARD = "REFERENCE_FORWARD"
    REFERENCE_SYNTAX = "REFERENCE_SYNTAX"
    REFERENCE_UNSAFE = "REFERENCE_UNSAFE"
    # Money.
    COST_INVALID = "COST_INVALID"
    COST_NEGATIVE = "COST_NEGATIVE"
    COST_UNKNOWN = "COST_UNKNOWN"
    COST_STEP_CEILING = "COST_STEP_CEILING"
    COST_CEILING = "COST_CEILING"
    # The network.
    ADDRESS_INTERNAL = "ADDRESS_INTERNAL"
    ADDRESS_METADATA = "ADDRESS_METADATA"
    ADDRESS_DISGUISED = "ADDRESS_DISGUISED"
    HOST_INTERNAL = "HOST_INTERNAL"
    HOST_REBINDING = "HOST_REBINDING"
    HOST_NOT_ALLOWED = "HOST_NOT_ALLOWED"
    HOST_MALFORMED = "HOST_MALFORMED"
    URL_SCHEME = "URL_SCHEME"
    URL_USERINFO = "URL_USERINFO"
    URL_REDIRECT = "URL_REDIRECT"
    URL_MALFORMED = "URL_MALFORMED"
    HEADER_INJECTION = "HEADER_INJECTION"
    # The file system.
    PATH_TRAVERSAL = "PATH_TRAVERSAL"
    PATH_OUTSIDE = "PATH_OUTSIDE"
    PATH_SENSITIVE = "PATH_SENSITIVE"
    PATH_MALFORMED = "PATH_MALFORMED"
    # Injection.
    SHELL_INJECTION = "SHELL_INJECTION"
    SHELL_DESTRUCTIVE = "SHELL_DESTRUCTIVE"
    CODE_INJECTION = "CODE_INJECTION"
    CODE_PICKLE = "CODE_PICKLE"
    TEMPLATE_INJECTION = "TEMPLATE_INJECTION"
    SQL_INJECTION = "SQL_INJECTION"
    PROMPT_OVERRIDE = "PROMPT_OVERRIDE"
    PROMPT_ROLE = "PROMPT_ROLE"


class Reason(NamedTuple):
    """A finding that does not know its place yet."""

    code: Code
    message: str
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason. ``path`` is a selector such as ``.steps[0].inputs.url``; only errors refuse a plan."""

    code: str
    path: str
    message: str
    severity: Severity = "error"

    def to_dict(self) -> dict[str, str]:
        """The finding as JSON data."""
        return {
            "code": str(self.code),
            "path": self.path,
            "message": self.message,
            "severity": self.severity,
        }

    def __str__(self) -> str:
        return f"{self.path}: {self.code} {self.message}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``ok`` if no finding is an error. ``plan`` is the plan that was judged, in canonical form.

    Run ``plan``, not what was passed in: it is a copy that nobody else holds. It is None unless ``ok``.
    """

    ok: bool
    findings: tuple[Finding, ...]
    plan: dict[str, Any] | None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that refuse the plan."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What a reviewer may want to know about a plan that passes."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    @property
    def codes(self) -> frozenset[str]:
        """The codes of the errors."""
        return frozenset(str(finding.code) for finding in self.errors)


class Collector:
    """The findings of one validation: each code once per place, at most ``limit``."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._found: dict[tuple[Place, Code], tuple[str, Severity]] = {}
        self._is_cut = False

    @property
    def is_full(self) -> bool:
        """Whether more findings would not be kept; whoever is looking may stop."""
        return len(self._found) >= self._limit

    def add(self, code: Code, place: Place, message: str, severity: Severity = "error") -> None:
        """Keep a finding; an error replaces a warning of the same code and place."""
        key = (place, code)
        known = self._found.get(key)
        if known is None and self.is_full:
            self._is_cut = True
        elif known is None or (known[1] == "warning" and severity == "error"):
            self._found[key] = (message, severity)

    def extend(self, place: Place, reasons: Iterator[Reason]) -> None:
        for code, message, severity in reasons:
            self.add(code, place, message, severity)

    def verdict(self, plan: dict[str, Any] | None) -> Verdict:
        """Everything found, in the order of the plan."""
        found = sorted(self._found.items(), key=lambda item: (_order(item[0][0]), item[0][1]))
        findings = [
            Finding(code, format_path(place), message, severity)
            for (place, code), (message, severity) in found
        ]
        if self.is_full or self._is_cut:
            message = f"stopped looking after {self._limit} findings; there may be more"
            findings.append(Finding(Code.TOO_MANY_FINDINGS, ".", message))
        ok = not any(finding.severity == "error" for finding in findings)
        return Verdict(ok, tuple(findings), plan if ok else None)


def _order(place: Place) -> list[tuple[int, int, str]]:
    return [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in place]


def shown(text: str) -> str:
    """A short, printable excerpt for a message; credentials are masked before the cut."""
    masked = redact(text[:_MASKED_CHARS])
    return ascii(masked) if len(masked) <= _SHOWN_CHARS else ascii(masked[:_SHOWN_CHARS]) + "..."

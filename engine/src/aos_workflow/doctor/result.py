"""What an examination found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["AXES", "LABELS", "Axis", "Cause", "Examination"]

LABELS = (
    "unseeded-random", "seed-not-propagated", "wall-clock", "uuid", "os-entropy", "hash-order", "object-identity",
    "thread-race", "async-order", "fs-order", "env-leak", "locale-timezone", "external-call", "shared-state",
    "float-order", "volatile-field",
)  # fmt: skip

AXES = (
    "random", "uuid", "entropy", "clock", "hash", "identity", "folders", "environment", "timezone", "locale",
    "external", "volatile", "threads", "async", "repeat", "process",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cause:
    """A line that makes the output differ.

    ``paths`` are ``{"call", "path", "expected", "got"}``; ``evidence`` says in numbers what was perturbed;
    ``chain`` are the
    calls that led to the line, innermost first. ``proven``: perturbing only this site changes the output, or freezing
    only what is named restores it; otherwise a trace or the last resort named the line.
    """

    label: str
    file: str
    line: int
    function: str
    source: str
    paths: tuple[dict[str, Any], ...] = ()
    evidence: tuple[str, ...] = ()
    fix: str = ""
    replay: str = ""
    chain: tuple[tuple[str, int, str], ...] = ()
    related: tuple[int, ...] = ()
    axis: str = ""
    proven: bool = False
    latent: bool = False
    perturbation: str = ""
    """What shows the difference again, as JSON: see :mod:`aos_workflow.doctor.replaying`."""

    def to_json(self) -> dict[str, Any]:
        """The cause as JSON data."""
        return {
            "label": self.label, "file": self.file, "line": self.line, "function": self.function,
            "source": self.source, "paths": list(self.paths), "evidence": list(self.evidence), "fix": self.fix,
            "replay": self.replay, "chain": [list(call) for call in self.chain],
            "related_lines": list(self.related), "proven": self.proven,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis that was looked at: how many runs, how many differed, how many failed."""

    name: str
    runs: int = 0
    differed: int = 0
    failed: int = 0
    sites: int = 0

    def to_json(self) -> dict[str, Any]:
        """The axis as JSON data."""
        return {
            "axis": self.name, "runs": self.runs, "differed": self.differed, "failed": self.failed,
            "sites": self.sites,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Examination:
    """The outcome. ``deterministic`` means: no difference under these perturbations, and no more."""

    target: str
    deterministic: bool
    causes: tuple[Cause, ...] = ()
    latent: tuple[Cause, ...] = ()
    axes: tuple[Axis, ...] = ()
    limits: tuple[str, ...] = ()
    runs: int = 0
    seconds: float = 0.0
    outputs: tuple[str, ...] = field(default=(), repr=False)

    def to_json(self) -> dict[str, Any]:
        """The examination as JSON data."""
        latent = {"latent": [cause.to_json() for cause in self.latent]} if self.latent else {}
        return {
            "target": self.target,
            "deterministic": self.deterministic,
            "causes": [cause.to_json() for cause in self.causes],
            **latent,
            "axes": [axis.to_json() for axis in self.axes],
            "limits": list(self.limits),
            "runs": self.runs,
        }

"""What triage found, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aos_workflow.golden.diff import Entry
from aos_workflow.golden.triage.causes import CAUSES
from aos_workflow.golden.triage.pairing import Pair
from aos_workflow.golden.triage.subject import Damage, Subject

__all__ = ["SCHEMA", "Cause", "Difference", "Finding", "Triage", "Verdict"]

SCHEMA = "aos-triage/1"
Verdict = Literal["PASS", "FAIL"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One differing place. ``entry.path`` begins in the unit, ``path`` in the document, as a rule's selector does.

    ``follows``: it is most likely the consequence of an earlier one.
    """

    unit: str
    skill: str | None
    path: str
    entry: Entry
    cause: str
    why: str
    rule: str | None = None
    follows: bool = False

    def to_json(self) -> dict[str, Any]:
        """The difference as JSON data; secrets are masked, large values named by their size."""
        return {
            "unit": self.unit,
            "skill": self.skill,
            **self.entry.to_json(),
            "path": self.path,
            "class": self.cause,
            "why": self.why,
            **({"rule": self.rule} if self.rule else {}),
            "follows": self.follows,
        }


@dataclass(frozen=True, slots=True)
class Cause:
    """Differences with one cause: its class, where it shows first, how often, why it is so, and what to do."""

    name: str
    count: int
    where: str
    skill: str | None
    evidence: tuple[str, ...]
    fix: str
    rule: str | None = None
    line: int | None = None

    @property
    def title(self) -> str:
        return CAUSES[self.name].title if self.name in CAUSES else self.name

    def to_json(self) -> dict[str, Any]:
        """The cause as JSON data."""
        return {
            "cause": self.name,
            "title": self.title,
            "count": self.count,
            "where": self.where,
            "skill": self.skill,
            "evidence": list(self.evidence),
            "fix": self.fix,
            "rule": self.rule,
            **({"line": self.line} if self.line is not None else {}),
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """A pair of units and its differences; none for a pair that is the same under the rules.

    ``total`` also counts those that were not kept.
    """

    pair: Pair
    differences: tuple[Difference, ...] = ()
    total: int = 0

    @property
    def differs(self) -> bool:
        return self.total > 0


@dataclass(frozen=True, slots=True)
class Triage:
    """Two goldens side by side, and why they differ. ``causes`` has the one to look at first in front.

    ``total`` counts all differences, ``findings`` hold those that were kept. ``diagnosed`` is what a look at the code
    found (see the doctor), as JSON data; ``undiagnosed`` is why it could not look.
    """

    a: Subject
    b: Subject
    causes: tuple[Cause, ...] = ()
    findings: tuple[Finding, ...] = ()
    damages: tuple[Damage, ...] = ()
    notes: tuple[str, ...] = ()
    total: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    complete: bool = True
    diagnosed: tuple[Mapping[str, Any], ...] = ()
    undiagnosed: str | None = None

    @property
    def verdict(self) -> Verdict:
        return "FAIL" if self.causes else "PASS"

    @property
    def cause(self) -> Cause | None:
        """The cause to look at first."""
        return self.causes[0] if self.causes else None

    @property
    def first(self) -> Difference | None:
        """The first difference in the order of the run that no rule would allow, else the first of all."""
        every = [d for finding in self.findings for d in finding.differences]
        own = [d for d in every if not d.follows]
        cause = self.cause
        named = [d for d in own if cause is not None and d.cause == cause.name]
        return next(iter(named or own or every), None)

    def to_json(self) -> dict[str, Any]:
        """The whole as JSON data: ``verdict``, ``cause``, ``causes``, ``first_divergence``, ``differences``."""
        first = self.first
        return {
            "schema": SCHEMA,
            "ok": self.verdict == "PASS",
            "verdict": self.verdict,
            "golden_a": _subject(self.a),
            "golden_b": _subject(self.b),
            "cause": self.cause.to_json() if self.cause else None,
            "causes": [cause.to_json() for cause in self.causes],
            "first_divergence": first.to_json() if first else None,
            "damage": [damage.to_json() for damage in self.damages],
            "notes": list(self.notes),
            "steps": dict(self.counts),
            "total": self.total,
            "complete": self.complete,
            "differences": [d.to_json() for f in self.findings for d in f.differences],
            **({"doctor": [dict(found) for found in self.diagnosed]} if self.diagnosed else {}),
            **({"doctor_problem": self.undiagnosed} if self.undiagnosed else {}),
        }


def _subject(subject: Subject) -> dict[str, Any]:
    return {
        "file": subject.file,
        "form": subject.form,
        "seed": subject.seed,
        "hash": subject.hash,
        "rules": subject.rules.hash,
        "signature": str(subject.signature),
        "key_id": subject.key_id,
    }

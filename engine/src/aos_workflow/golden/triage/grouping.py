"""Thousands of mismatches as few causes. Pure.

A mismatch whose goldens were examined has the cause that triage found. The others are taken for the same where their
reports say the same: workflow, class, skill and part of the step.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aos_workflow.golden.triage.causation import fix_for
from aos_workflow.golden.triage.causes import CAUSES
from aos_workflow.golden.triage.reports import Mismatch
from aos_workflow.golden.triage.result import Cause, Triage

__all__ = ["Group", "group_mismatches"]

_ALIASES = {
    "seed": "seed-mismatch", "order": "order-only", "float": "float-only", "clock": "volatile-leak",
    "uuid": "volatile-leak", "volatile": "volatile-leak", "external": "external-call", "random": "unseeded-rng",
    "rng": "unseeded-rng", "code": "code-changed", "rules": "rules-changed",
}  # fmt: skip
"""What a simulation calls the classes in its reports."""
MAX_GROUPS = 1000

Examined = Mapping[tuple[str, int], Triage]


@dataclass(frozen=True, slots=True)
class Group:
    """Mismatches with one cause. ``first`` is the one with the lowest number; ``only_under`` are faults and
    perturbations that each of them had and the matching cycles of the workflow had not all."""

    cause: str
    title: str
    workflow: str
    skill: str | None
    where: str
    count: int
    examined: int
    first: Mismatch
    evidence: tuple[str, ...]
    fix: str
    rule: str | None
    only_under: tuple[str, ...]

    @property
    def command(self) -> str | None:
        """What shows the first one again."""
        if self.first.folder is None:
            return None
        return f"sh {shlex.quote(str(self.first.folder / 'reproduce.sh'))}"

    def to_json(self) -> dict[str, Any]:
        """The group as JSON data."""
        return {
            "cause": self.cause,
            "title": self.title,
            "workflow": self.workflow,
            "skill": self.skill,
            "where": self.where,
            "count": self.count,
            "examined": self.examined,
            "first_seed": self.first.seed,
            "first_cycle": self.first.number,
            "run": self.first.run,
            "folder": None if self.first.folder is None else str(self.first.folder),
            "reproduce": self.command,
            "evidence": list(self.evidence),
            "fix": self.fix,
            "rule": self.rule,
            "only_under": list(self.only_under),
        }


Key = tuple[str | None, ...]


@dataclass
class _Members:
    """A group while it grows."""

    first: Mismatch
    cause: Cause | None
    count: int = 0
    examined: int = 0
    marks: frozenset[str] = field(default_factory=frozenset)


def group_mismatches(
    mismatches: Iterable[Mismatch], examined: Examined, usual: Mapping[str, frozenset[str]]
) -> tuple[Group, ...]:
    """The groups, the largest first. ``usual`` are the marks of every matching cycle, by workflow."""
    every = sorted(mismatches, key=lambda m: (m.run, m.number))
    alike = _alike(every, examined)
    groups: dict[Key, _Members] = {}
    for each in every:
        found = examined.get((each.run, each.number))
        cause = found.cause if found is not None else alike.get(_coarse(each))
        key = _fine(each, cause)
        members = groups.get(key)
        if members is None:
            members = groups[key] = _Members(each, cause, marks=each.marks)
        members.count += 1
        members.examined += found is not None
        members.marks &= each.marks
        if members.first.folder is None and each.folder is not None:
            members.first, members.cause = each, cause
    done = [_group(members, usual) for members in groups.values()]
    done.sort(key=lambda group: (-group.count, group.first.run, group.first.number))
    return tuple(done[:MAX_GROUPS])


def _coarse(each: Mismatch) -> Key:
    return each.workflow, each.cause, each.skill or each.step, each.kind


def _alike(every: Sequence[Mismatch], examined: Examined) -> dict[Key, Cause]:
    """The cause that most of the examined mismatches have whose reports say the same."""
    votes: dict[Key, Counter[Key]] = {}
    causes: dict[Key, Cause] = {}
    for each in every:
        found = examined.get((each.run, each.number))
        if found is not None and found.cause is not None:
            key = _fine(each, found.cause)
            votes.setdefault(_coarse(each), Counter())[key] += 1
            causes.setdefault(key, found.cause)
    return {coarse: causes[counts.most_common(1)[0][0]] for coarse, counts in votes.items()}


def _fine(each: Mismatch, cause: Cause | None) -> Key:
    if cause is None:
        return (each.workflow, _named(each), each.skill or each.step, each.kind)
    return (each.workflow, cause.name, cause.skill, cause.rule)


def _named(each: Mismatch) -> str:
    """The class that the report names, in our words."""
    name = each.cause or "not-deterministic"
    return _ALIASES.get(name, name)


def _group(members: _Members, usual: Mapping[str, frozenset[str]]) -> Group:
    first, cause = members.first, members.cause
    name = cause.name if cause is not None else _named(first)
    skill = cause.skill if cause is not None else first.skill
    known = name if name in CAUSES else "not-deterministic"
    message = (first.message,) if first.message else ()
    return Group(
        cause=name,
        title=CAUSES[known].title,
        workflow=first.workflow,
        skill=skill,
        where=cause.where if cause is not None else first.step or first.workflow,
        count=members.count,
        examined=members.examined,
        first=first,
        evidence=cause.evidence if cause is not None else message,
        fix=cause.fix if cause is not None else fix_for(known, skill),
        rule=cause.rule if cause is not None else None,
        only_under=tuple(sorted(members.marks - usual.get(first.workflow, frozenset()))),
    )

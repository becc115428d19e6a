"""Thousands of mismatches as few causes. Pure.

What the simulation found out by experiment counts most, then what triage of the goldens found. Mismatches whose goldens
were not examined are taken for the same where their reports say the same: workflow, class, skill and part of the step.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aos_workflow.golden.triage.causation import fix_for
from aos_workflow.golden.triage.causes import CAUSES, FIXED_BY_RULE
from aos_workflow.golden.triage.experiments import experiment
from aos_workflow.golden.triage.reports import Mismatch
from aos_workflow.golden.triage.result import Cause, Triage

__all__ = ["Group", "group_mismatches"]

MAX_GROUPS = 1000
CHANCE = 0.01
"""How likely it may be that all mismatches of a group had a fault or perturbation by chance, for it to be named."""
_DAMAGE = ("tampered", "truncated", "stale")
_FALLBACK = "not-deterministic"

Examined = Mapping[tuple[str, int], Triage]


@dataclass(frozen=True, slots=True)
class Group:
    """Mismatches with one cause. ``first`` is the one with the lowest number, of those with goldens if there are any;
    ``only_under`` are faults and perturbations that all of them had, and hardly by chance."""

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
    mismatches: Iterable[Mismatch], examined: Examined, shares: Mapping[str, float]
) -> tuple[Group, ...]:
    """The groups, the largest first. ``shares`` says in which part of all cycles a fault or perturbation was."""
    every = sorted(mismatches, key=lambda m: (m.run, m.number))
    alike = _alike(every, examined)
    groups: dict[Key, _Members] = {}
    for each in every:
        found = examined.get((each.run, each.number))
        cause = found.cause if found is not None else alike.get(_coarse(each))
        key = (each.workflow, _name(each, cause), _skill(each, cause), _place(cause))
        members = groups.get(key)
        if members is None:
            members = groups[key] = _Members(each, cause, marks=each.marks)
        members.count += 1
        members.examined += found is not None
        members.marks &= each.marks
        if members.first.folder is None and each.folder is not None:
            members.first, members.cause = each, cause
    done = [_group(members, shares) for members in groups.values()]
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
            key = (each.workflow, found.cause.name, found.cause.skill, found.cause.rule)
            votes.setdefault(_coarse(each), Counter())[key] += 1
            causes.setdefault(key, found.cause)
    return {coarse: causes[counts.most_common(1)[0][0]] for coarse, counts in votes.items()}


def _name(each: Mismatch, cause: Cause | None) -> str:
    """The class: of damage, else what an experiment shows, else what triage found, else what the report says."""
    shown = experiment(each.cause)
    if cause is not None and cause.name in _DAMAGE:
        return cause.name
    if shown is not None:
        return shown.cause
    return cause.name if cause is not None else each.cause or _FALLBACK


def _skill(each: Mismatch, cause: Cause | None) -> str | None:
    return cause.skill if cause is not None else each.skill


def _place(cause: Cause | None) -> str | None:
    """What tells two causes of one class in one skill apart; by how much is rounded does not."""
    if cause is None or cause.rule is None:
        return None
    selector, _, action = cause.rule.rpartition(": ")
    return selector if action.startswith("round") else cause.rule


def _group(members: _Members, shares: Mapping[str, float]) -> Group:
    first, cause = members.first, members.cause
    name, skill, shown = _name(first, cause), _skill(first, cause), experiment(first.cause)
    known = name if name in CAUSES else _FALLBACK
    rule = cause.rule if cause is not None and name in FIXED_BY_RULE else None
    evidence: tuple[str, ...] = (first.message,) if first.message else ()
    fix = fix_for(known, skill)
    if cause is not None and cause.name == name:
        evidence, fix = cause.evidence, cause.fix
    if shown is not None and shown.cause == name:
        evidence = (f"by experiment: {shown.evidence}", *evidence)
        fix = " ".join(filter(None, (shown.fix, fix if rule or not shown.fix else "")))
    return Group(
        cause=name,
        title=CAUSES[known].title,
        workflow=first.workflow,
        skill=skill,
        where=cause.where if cause is not None else first.step or first.workflow,
        count=members.count,
        examined=members.examined,
        first=first,
        evidence=evidence,
        fix=fix,
        rule=rule,
        only_under=tuple(sorted(_telling(members, shares))),
    )


def _telling(members: _Members, shares: Mapping[str, float]) -> Iterable[str]:
    return (mark for mark in members.marks if shares.get(mark, 0.0) ** members.count < CHANCE)

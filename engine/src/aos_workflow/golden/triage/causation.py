"""From differences to causes: each with its count, its first place, its evidence and its fix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from aos_workflow.golden.triage.causes import CAUSES, FIXED_BY_RULE
from aos_workflow.golden.triage.facts import Facts
from aos_workflow.golden.triage.result import Cause, Difference
from aos_workflow.golden.triage.subject import Damage
from aos_workflow.golden.triage.units import shortened

__all__ = ["causes_of", "fix_for"]

MAX_CAUSES = 50
MAX_PLACES = 3
"""Places that one cause names."""
_FIRST = ("tampered", "truncated", "stale", "other-run", "seed-mismatch", "code-changed")
"""Causes that explain what comes after them, wherever they show."""


def causes_of(
    differences: Sequence[Difference], damages: Iterable[Damage], facts: Facts | None
) -> tuple[Cause, ...]:
    """The causes, the one to look at first in front. Consequences are counted with the first one."""
    found = [_damaged(damage) for damage in damages]
    found += _of_differences(differences)
    if facts is not None and facts.seeds and not any(c.name == "seed-mismatch" for c in found):
        found.append(_of_seeds(facts, differences))
    if facts is not None and facts.rules_differ:
        found.append(_of_rules())
    ranked = sorted(found, key=_rank)
    return tuple(_with_consequences(ranked, differences)[:MAX_CAUSES])


def fix_for(cause: str, skill: str | None) -> str:
    """What to do, naming the skill."""
    return CAUSES[cause].fix.replace("{skill}", shortened(skill or "the code"))


def _rank(cause: Cause) -> tuple[int, int]:
    """Gravest first; sorting keeps the order of the run among equals."""
    if cause.name in _FIRST:
        return 0, _FIRST.index(cause.name)
    if cause.name == "rules-changed":
        return 2, 0
    return (3 if cause.name in FIXED_BY_RULE else 1), 0


def _damaged(damage: Damage) -> Cause:
    where = f"{damage.file}:{damage.line}" if damage.line is not None else damage.file
    fix = damage.hint or fix_for(damage.cause, None)
    return Cause(damage.cause, 1, where, None, (damage.message, damage.code), fix, line=damage.line)


def _of_seeds(facts: Facts, differences: Sequence[Difference]) -> Cause:
    """Seeds that stand beside the content, in the head of a golden."""
    assert facts.seeds is not None
    skill = next((d.skill for d in differences if d.skill), None)
    evidence = (f"the goldens are of the seeds {facts.seeds[0]} and {facts.seeds[1]}",)
    return Cause("seed-mismatch", 1, "seed", skill, evidence, fix_for("seed-mismatch", skill))


def _of_rules() -> Cause:
    evidence = ("the goldens store different rules",)
    return Cause("rules-changed", 1, "rules", None, evidence, fix_for("rules-changed", None))


def _of_differences(differences: Sequence[Difference]) -> list[Cause]:
    groups: dict[tuple[str | None, ...], list[Difference]] = {}
    for each in differences:
        if not each.follows:
            groups.setdefault(_key(each), []).append(each)
    return [_cause(group, differences) for group in groups.values()]


def _key(each: Difference) -> tuple[str | None, ...]:
    """What is one cause: a rule, or a class of differences in one skill."""
    if each.cause in FIXED_BY_RULE and each.rule:
        return each.cause, each.rule
    return each.cause, each.skill or each.unit


def _cause(group: Sequence[Difference], differences: Sequence[Difference]) -> Cause:
    first = group[0]
    skill = first.skill
    if skill is None and first.cause in _FIRST:
        skill = next((d.skill for d in differences if d.skill), None)
    evidence = [*dict.fromkeys(d.why for d in group)][:MAX_PLACES]
    places = [*dict.fromkeys(f"{d.unit} {d.path}" for d in group)]
    if len(places) > 1:
        more = f" and {len(places) - MAX_PLACES:,} more" if len(places) > MAX_PLACES else ""
        evidence.append(f"at {', '.join(places[:MAX_PLACES])}{more}")
    return Cause(
        name=first.cause,
        count=len(group),
        where=f"{first.unit}, {first.path}",
        skill=skill,
        evidence=tuple(evidence),
        fix=fix_for(first.cause, skill),
        rule=first.rule,
    )


def _with_consequences(causes: list[Cause], differences: Sequence[Difference]) -> list[Cause]:
    """The causes, with the number of differences that follow from the first of those found in the content."""
    following = sum(d.follows for d in differences)
    own = {d.cause for d in differences if not d.follows}
    at = next((at for at, cause in enumerate(causes) if cause.name in own), None)
    if not following or at is None:
        return causes
    word = "difference follows" if following == 1 else "differences follow"
    cause = causes[at]
    evidence = (*cause.evidence, f"{following:,} more {word} from it")
    return [*causes[:at], replace(cause, evidence=evidence), *causes[at + 1 :]]

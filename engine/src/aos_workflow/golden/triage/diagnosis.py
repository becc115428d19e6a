"""Two goldens side by side: what differs first, and why. Pure.

Equal units are pruned by their bytes; what is left is put under the rules, and only what still differs is compared
place by place. A difference after another, in what a step was given, is taken for its consequence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aos_workflow.errors import UsageError
from aos_workflow.golden.canonical import canonical_json
from aos_workflow.golden.diff import ABSENT, Entry, diff, exact_key
from aos_workflow.golden.paths import format_path
from aos_workflow.golden.rules import Rules
from aos_workflow.golden.strict_json import loads
from aos_workflow.golden.triage.causation import causes_of
from aos_workflow.golden.triage.causes import FIXED_BY_RULE
from aos_workflow.golden.triage.facts import Facts, facts_of, notes_of
from aos_workflow.golden.triage.judgement import Judgement, Scene, judge
from aos_workflow.golden.triage.pairing import Pair, pair
from aos_workflow.golden.triage.result import Difference, Finding, Triage
from aos_workflow.golden.triage.subject import Subject
from aos_workflow.golden.triage.units import Unit

__all__ = ["triage"]

MAX_DIFFERENCES = 10_000
"""Differences that are kept; beyond, only the first of each unit, and the rest is counted."""
MAX_KEPT = 20_000
"""Differences that are kept by all means."""
MAX_OF_UNIT = 200
"""Differences of one unit that are kept."""
_ALIAS = re.compile(r"<[a-z_]+#\d+>")
_EXPLAIN_ALL = ("seed-mismatch", "other-run", "code-changed")


def triage(
    a: Subject, b: Subject, *, extra: Rules | None = None, same_code: bool | None = None
) -> Triage:
    """Why ``b`` is not what ``a`` is.

    ``extra`` are rules tried before those of the goldens, to see what they would leave. ``same_code`` says that both
    are of the same code, as the two sides of a simulation are; by default the goldens tell.

    Raises:
        UsageError: a run and a value.
    """
    damages = tuple(s.damage for s in (a, b) if s.damage is not None)
    if not (a.is_readable and b.is_readable):
        notes = ("what is left of the damaged file is not enough to compare",)
        return Triage(a, b, causes=causes_of((), damages, None), damages=damages, notes=notes)
    if (a.events is None) != (b.events is None):
        raise UsageError(
            "one is a run and the other a value: they cannot be compared",
            hint="compare two *.steps.jsonl, or two *.json",
        )
    rules = _rules(a, b, extra)
    pairs = pair(a.units(rules), b.units(rules))
    facts = facts_of(a, b, pairs, same_code=same_code)
    examiner = _Examiner(facts, rules if a.events is not None else None)
    findings = tuple(examiner.findings(pairs))
    if not examiner.total:
        findings = _by_hash(findings, facts)
    every = [difference for finding in findings for difference in finding.differences]
    return Triage(
        a,
        b,
        causes=causes_of(every, damages, facts),
        findings=findings,
        damages=damages,
        notes=tuple(notes_of(a, b, facts)),
        total=max(examiner.total, len(every)),
        counts=_counts(findings),
        complete=examiner.is_complete,
    )


def _rules(a: Subject, b: Subject, extra: Rules | None) -> Rules:
    """The rules of both, so that what is left is not a matter of rules."""
    rules = a.rules
    if b.rules.hash != a.rules.hash:
        base = next((each.base for each in (a.rules, b.rules) if each.base != "none"), "none")
        keys = a.rules.keys if a.rules.keys == "text" else b.rules.keys
        rules = Rules.of((*a.rules.extra, *b.rules.extra), base=base, keys=keys)
    return rules.with_extra(extra.extra) if extra is not None else rules


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    counts = Counter("same" if not f.differs else f.pair.status for f in findings)
    moved = sum(f.pair.moved for f in findings)
    return {
        **{name: counts[name] for name in ("same", "changed", "missing", "added")},
        "moved": moved,
    }


@dataclass
class _Examiner:
    """Goes through the pairs in order. ``upstream`` is the cause of the first difference that is no matter of rules."""

    facts: Facts
    rules: Rules | None
    total: int = 0
    kept: int = 0
    is_complete: bool = True
    upstream: str | None = None
    seen_any: bool = False
    carried: set[tuple[bytes, bytes]] = field(default_factory=set)

    def findings(self, pairs: Sequence[Pair]) -> Iterator[Finding]:
        for each in pairs:
            if each.status == "same" and not each.moved:
                yield Finding(each)
                continue
            entries, total = self._entries(each)
            judged = [(entry, self._judged(entry, each)) for entry in entries]
            yield Finding(each, tuple(self._differences(each, judged)), total)

    def _entries(self, each: Pair) -> tuple[list[Entry], int]:
        """What differs in a pair, by its place in the document, as far as it is kept; and how much that is in all."""
        left, right = each.left, each.right
        if left is None or right is None:
            value, prefix = each.unit.data, each.unit.prefix
            found = (
                Entry(prefix, "removed", value, ABSENT, "value", prefix)
                if left is not None
                else Entry(prefix, "added", ABSENT, value, "value", prefix)
            )
            entries, total = [found], 1
        else:
            entries, total = self._compared(left, right)
            if each.moved:
                places = (left.place, right.place)
                moved = Entry(left.prefix, "reordered", *places, "order", right.prefix)
                entries, total = [moved, *entries], total + 1
        least = 1 if self.kept < MAX_KEPT else 0
        entries = entries[: max(least, min(MAX_OF_UNIT, MAX_DIFFERENCES - self.kept))]
        self.kept += len(entries)
        self.total += total
        self.is_complete &= len(entries) == total
        return entries, total

    def _compared(self, left: Unit, right: Unit) -> tuple[list[Entry], int]:
        if left.key == right.key:
            return [], 0
        found = diff(self._ruled(left), self._ruled(right), limit=MAX_OF_UNIT)
        entries = [
            replace(e, path=(*left.prefix, *e.path), got_path=(*right.prefix, *e.got_path))
            for e in found.entries
        ]
        return entries, found.total

    def _ruled(self, unit: Unit) -> Any:
        if self.rules is None:
            return unit.value
        return loads(canonical_json(unit.value, self.rules).text)

    def _judged(self, entry: Entry, each: Pair) -> Judgement:
        unit = each.unit
        scene = Scene(
            skill=unit.skill,
            kind=unit.kind,
            same_code=self.facts.same_code,
            environments=self.facts.environments,
            called_out=self.facts.called_out,
            tools=self.facts.tools,
            is_whole=each.status in ("missing", "added"),
        )
        return judge(entry, scene, unit)

    def _differences(
        self, each: Pair, judged: Sequence[tuple[Entry, Judgement]]
    ) -> Iterator[Difference]:
        given = any(judgement.role == "input" for _, judgement in judged)
        for entry, judgement in judged:
            follows = self._follows(entry, judgement, each.unit, given)
            yield Difference(
                unit=each.unit.title,
                skill=each.unit.skill,
                path=format_path(entry.path),
                entry=entry,
                cause=judgement.cause,
                why=judgement.why,
                rule=judgement.rule,
                follows=follows,
            )
        for entry, judgement in judged:
            self._remember(entry, judgement)

    def _follows(self, entry: Entry, judgement: Judgement, unit: Unit, given: bool) -> bool:
        """Whether a difference is most likely the consequence of an earlier one."""
        if _carried(entry) in self.carried or (self.seen_any and _are_aliases(entry)):
            return True
        if judgement.cause in FIXED_BY_RULE or judgement.cause in _EXPLAIN_ALL:
            return False
        if self.upstream in _EXPLAIN_ALL:
            return True
        if given and judgement.role != "input":
            return True
        is_fresh = judgement.role == "output" and unit.kind == "step" and _says_input(unit)
        if is_fresh or judgement.role == "draws":
            return False
        is_open = judgement.cause in ("not-deterministic", "real-change", "stale", "environment")
        return self.upstream is not None or (self.seen_any and is_open)

    def _remember(self, entry: Entry, judgement: Judgement) -> None:
        self.seen_any = True
        self.carried.add(_carried(entry))
        if self.upstream is None and judgement.cause not in FIXED_BY_RULE:
            self.upstream = judgement.cause


def _carried(entry: Entry) -> tuple[bytes, bytes]:
    """Both values, to find them again further on; a side that is absent is never found."""
    if entry.expected is ABSENT or entry.got is ABSENT:
        return (format_path(entry.path).encode(), b"absent")
    return exact_key(entry.expected), exact_key(entry.got)


def _are_aliases(entry: Entry) -> bool:
    """Whether both are ``<id#7>``: one value more further up renumbers all that come after it."""
    texts = (entry.expected, entry.got)
    return all(isinstance(text, str) and _ALIAS.fullmatch(text) for text in texts)


def _says_input(unit: Unit) -> bool:
    return isinstance(unit.data, dict) and bool(
        {"input", "inputs", "args", "kwargs"} & unit.data.keys()
    )


def _by_hash(findings: Sequence[Finding], facts: Facts) -> tuple[Finding, ...]:
    """Equal content with unequal hashes: the hash of a step is over its seed too."""
    found = list(findings)
    for at, finding in enumerate(findings):
        left, right = finding.pair.left, finding.pair.right
        if left is None or right is None or left.key != right.key or facts.rules_differ:
            continue
        for name in ("step_hash", "workflow_hash"):
            old, new = left.derived.get(name), right.derived.get(name)
            if old is not None and new is not None and old != new:
                path = (*left.prefix, *(("data",) if left.is_event else ()), name)
                cause = "seed-mismatch" if name == "step_hash" else "stale"
                why = (
                    "the hash of a step is over its seed too, and everything else in it is equal"
                    if name == "step_hash"
                    else "everything that the hash is over is equal, so it was worked out otherwise"
                )
                entry = Entry(path, "changed", old, new, "value", path)
                shown = Difference(left.title, left.skill, format_path(path), entry, cause, why)
                found[at] = replace(finding, differences=(shown,), total=1)
                return tuple(found)
    return tuple(found)

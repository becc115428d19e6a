"""Triage as lines for a terminal. The last one is the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from aos_workflow.golden.explain import describe
from aos_workflow.golden.triage.grouping import Group
from aos_workflow.golden.triage.result import Cause, Difference, Triage
from aos_workflow.golden.triage.subject import Subject
from aos_workflow.golden.triage.summary import Summary

__all__ = ["lines_of"]

MAX_SHOWN = 1000
"""Differences that ``verbose`` shows."""
MAX_OTHERS = 10
"""Further causes that are shown without ``verbose``."""
MAX_GROUPS = 20
"""Groups of mismatches that are shown without ``verbose``."""


def lines_of(found: Triage | Summary, *, verbose: bool = False) -> Iterator[str]:
    """What a person needs to know: causes and fixes first, with ``verbose`` every difference; then the verdict."""
    for diagnosed in found.diagnosed:
        where = f"{diagnosed['file']}:{diagnosed['line']}"
        yield f"DOCTOR: {diagnosed['label']}  {where}  in {diagnosed['function']}"
        yield from (f"  evidence: {line}" for line in diagnosed["evidence"])
        yield f"  fix:      {diagnosed['fix']}"
        yield ""
    if isinstance(found, Triage):
        yield from _triage(found, verbose)
    else:
        yield from _summary(found, verbose)
    if found.undiagnosed:
        yield f"DOCTOR: {found.undiagnosed}"
    yield f"VERDICT: {found.verdict}"


def _triage(found: Triage, verbose: bool) -> Iterator[str]:
    yield f"golden a: {_about(found.a)}"
    yield f"golden b: {_about(found.b)}"
    yield from (f"note: {note}" for note in found.notes)
    if found.cause is not None:
        yield ""
        yield f"CAUSE: {found.cause.name}: {found.cause.title}"
        yield from _cause(found.cause)
    yield from _first(found)
    yield from _others(found, verbose)
    if verbose:
        yield from _every(found)
    yield ""
    yield _counts(found)


def _cause(cause: Cause) -> Iterator[str]:
    yield f"  where:    {cause.where}"
    yield from (f"  evidence: {line}" for line in cause.evidence)
    yield f"  fix:      {cause.fix}"
    if cause.rule:
        yield f"  rule:     {cause.rule}"


def _about(subject: Subject) -> str:
    seed = "" if subject.seed is None else f", seed {subject.seed}"
    damage = f", {subject.damage.cause}" if subject.damage is not None else ""
    return f"{subject.file} ({subject.form}{seed}{damage})"


def _first(found: Triage) -> Iterator[str]:
    first = found.first
    if first is None:
        return
    yield ""
    yield f"first divergence: {first.unit}"
    yield from (f"  {line}" for line in _described(first))


def _described(difference: Difference) -> list[str]:
    """A difference in words."""
    entry = difference.entry
    if entry.kind == "reordered" and not isinstance(entry.expected, list):
        return [f"place {entry.expected} of the first is place {entry.got} of the second"]
    if entry.kind in ("added", "removed") and not entry.path:
        return [f"only in the {'second' if entry.kind == 'added' else 'first'}"]
    return describe(replace(entry, got_path=entry.path))


def _others(found: Triage, verbose: bool) -> Iterator[str]:
    others = found.causes[1:]
    shown = others if verbose else others[:MAX_OTHERS]
    for number, cause in enumerate(shown, 2):
        yield ""
        yield f"cause {number}: {cause.name}: {cause.title} ({cause.count:,})"
        yield from _cause(cause)
    if len(others) > len(shown):
        yield f"... and {len(others) - len(shown)} more causes; --verbose shows them"


def _every(found: Triage) -> Iterator[str]:
    yield ""
    yield "differences:"
    every = [each for finding in found.findings for each in finding.differences]
    for each in every[:MAX_SHOWN]:
        follows = ", follows" if each.follows else ""
        yield f"  {each.unit} [{each.cause}{follows}]"
        yield from (f"    {line}" for line in _described(each))
    if len(every) > MAX_SHOWN or not found.complete:
        yield f"  ... {MAX_SHOWN:,} of {found.total:,} or more are shown; --output has those that were kept"


def _counts(found: Triage) -> str:
    parts = [f"{count:,} {name}" for name, count in found.counts.items() if count]
    total = _plural(found.total, "difference", "differences")
    more = "" if found.complete else " that were counted"
    return f"{total}{more}; steps and events: {', '.join(parts) or 'none compared'}"


def _summary(found: Summary, verbose: bool) -> Iterator[str]:
    """Each simulation in a line, then the causes: how many, since which seed, what to do, how to see it again."""
    for each in found.simulations:
        yield (
            f"{each.folder}: {each.state}, {each.all_cycles:,} cycles, "
            f"{_plural(each.all_mismatches, 'mismatch', 'mismatches')}, {_plural(each.errors, 'error', 'errors')}"
        )
        if each.first_error is not None:
            yield f"  first error: {each.first_error}"
        if verbose:
            yield from (f"  {name}: {count:,}" for name, count in sorted(each.workflows.items()))
    for path, why in found.ignored:
        yield f"ignored: {path} {why}"
    yield from (f"note: {note}" for note in found.notes)
    shown = found.groups if verbose else found.groups[:MAX_GROUPS]
    for number, group in enumerate(shown, 1):
        yield ""
        yield from _group_lines(number, group)
    if len(found.groups) > len(shown):
        yield f"... and {len(found.groups) - len(shown)} more causes; --verbose shows them"
    yield ""
    causes = f" in {_plural(len(found.groups), 'cause', 'causes')}" if found.groups else ""
    yield f"{_plural(found.mismatches, 'mismatch', 'mismatches')}{causes}, {found.cycles:,} cycles"


def _group_lines(number: int, group: Group) -> Iterator[str]:
    skill = f" in {group.skill}" if group.skill else ""
    yield f"{number}. {group.cause}{skill}: {group.title}"
    first = f"first in cycle {group.first.number:,}, seed {group.first.seed}"
    yield f"  {_plural(group.count, 'mismatch', 'mismatches')} of {group.workflow}, {first}"
    yield f"  where:    {group.where}"
    yield from (f"  evidence: {line}" for line in group.evidence)
    if group.only_under:
        yield f"  under:    {', '.join(group.only_under)}, in every one"
    if group.examined < group.count:
        yield f"  examined: {group.examined:,} of {group.count:,}, the others by their reports"
    yield f"  fix:      {group.fix}"
    if group.rule:
        yield f"  rule:     {group.rule}"
    if group.command:
        yield f"  again:    {group.command}"


def _plural(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"

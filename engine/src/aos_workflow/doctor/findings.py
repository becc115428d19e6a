"""From suspects to causes: labels, evidence, order of blame."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aos_workflow.doctor import floats
from aos_workflow.doctor.attribution import Suspect
from aos_workflow.doctor.axes import volatile
from aos_workflow.doctor.difference import Difference
from aos_workflow.doctor.lab import Site, Verdict, thaw
from aos_workflow.doctor.labels import BY_AXIS, FIXES, label_of, seed_at_hand
from aos_workflow.doctor.plan import SourceAxis
from aos_workflow.doctor.result import Cause

if TYPE_CHECKING:
    from aos_workflow.doctor.examination import Examiner

__all__ = ["cause_at", "causes_of", "latent", "ranked"]

MAX_SHOWN = 8
_COMPREHENSION = re.compile(r"\.<locals>\.<(?:list|set|dict)comp>|\.<locals>\.<genexpr>")
ORDERS = frozenset({"hash", "identity", "folders", "environment"})


def causes_of(
    examiner: Examiner,
    axis: SourceAxis,
    suspects: Sequence[Suspect],
    differing: Sequence[tuple[Any, Verdict]],
) -> list[Cause]:
    """The causes that the suspects of an axis stand for."""
    seeded = seed_at_hand(examiner.lab.raw)
    found: list[Cause] = []
    for suspect, related in _merged(axis, suspects):
        measured = axis.name == "clock" and bool(suspect.variant[1])
        steers = axis.name == "clock" and _steers(examiner, suspect.site, differing)
        label = label_of(
            axis.name, suspect.site, suspect.found, seeded=seeded, measured=measured, steers=steers
        )
        cause = cause_at(
            label, axis.name, suspect.site, suspect.found, _evidence(suspect, axis), related,
            perturbation=_shows(axis, suspect), proven=suspect.alone or suspect.held,
        )  # fmt: skip
        if suspect.site.name == "port":
            cause = _read(examiner, cause)
        if axis.name in ORDERS:
            cause = floats.refined(examiner, axis, suspect, cause)
        found.append(cause)
    return found


def _steers(examiner: Examiner, site: Site, differing: Sequence[tuple[Any, Verdict]]) -> bool:
    """Whether the clock decides how often it is read: a time budget, not a measurement."""

    def reads(sites: Sequence[Site]) -> list[int]:
        return [s.count for s in sites if s.axis == site.axis and s.place == site.place]

    before = reads(examiner.control_sites)
    return any(reads(verdict.sites) not in ([], before) for _, verdict in differing)


def _shows(axis: SourceAxis, suspect: Suspect) -> dict[str, Any]:
    """The perturbation that shows a suspect."""
    only = [suspect.site.place] if suspect.alone else None
    return {"thaws": {axis.name: thaw(suspect.variant, only=only)}}


def _read(examiner: Examiner, cause: Cause) -> Cause:
    """A port that the system chose, named where it is read."""
    site = next((s for s in examiner.control_sites if s.axis == volatile.READ), None)
    if site is None:
        return cause
    return replace(
        cause, file=site.file, line=site.line, function=_function(site), related=(cause.line,)
    )


def _merged(axis: SourceAxis, suspects: Sequence[Suspect]) -> list[tuple[Suspect, tuple[int, ...]]]:
    """Reads of the clock that measure one duration are one cause, at the last of them."""
    if axis.name != "clock":
        return [(suspect, ()) for suspect in suspects]
    groups: list[list[Suspect]] = []
    for suspect in suspects:
        mine = {(d.call, d.path) for d in suspect.found}
        home = next(
            (
                g for g in groups
                if suspect.variant[1] and any(
                    other.variant[1] and mine & {(d.call, d.path) for d in other.found} for other in g
                )
            ),
            None,
        )  # fmt: skip
        if home is None:
            groups.append([suspect])
        else:
            home.append(suspect)
    merged = []
    for group in groups:
        last = max(group, key=lambda s: s.site.last)
        merged.append((last, tuple(s.site.line for s in group if s is not last)))
    return merged


def _function(site: Site) -> str:
    """The function of a site. From 3.12 on a comprehension is none of its own; before, it is left out."""
    return _COMPREHENSION.sub("", site.function)


def cause_at(
    label: str, axis: str, site: Site, found: Sequence[Difference], evidence: Sequence[str],
    related: tuple[int, ...] = (),
    *, perturbation: Any = None, proven: bool = True,
) -> Cause:  # fmt: skip
    """A cause at a site."""
    return Cause(
        label=label, file=site.file, line=site.line, function=_function(site), source=site.name,
        paths=tuple(_shown(d) for d in found[:MAX_SHOWN]), evidence=tuple(evidence), fix=FIXES[label],
        chain=site.chain, related=related, axis=axis, proven=proven,
        perturbation=json.dumps(perturbation, separators=(",", ":")) if perturbation is not None else "",
    )  # fmt: skip


def _shown(found: Difference) -> dict[str, Any]:
    return {"call": found.call, "path": found.path, "expected": found.expected, "got": found.got}


def _evidence(suspect: Suspect, axis: SourceAxis) -> list[str]:
    lines = []
    if suspect.tried:
        lines.append(
            f"perturbing only this line changed the output in {suspect.changed} of {suspect.tried} runs"
        )
    if suspect.held:
        lines.append(
            "with the named lines of this axis frozen and everything else on it let go, the output was the control's"
        )
    match = _matched(suspect)
    if match:
        lines.append(f"a value read here is in the output: {match}")
    if suspect.site.imported:
        lines.append("read while the module is imported: it stays for the life of the process")
    return lines


def _matched(suspect: Suspect) -> str:
    """A value of the source that stands at a differing place."""
    texts = {str(v) for v in suspect.site.values if len(str(v)) >= 4}
    for d in suspect.found:
        for text in texts:
            if text and (text in str(d.got) or text in str(d.expected)):
                return text[:60]
    return ""


def latent(examiner: Examiner) -> list[Cause]:
    """Sources that were read and did not reach the output."""
    named = {(c.axis, c.file, c.line) for c in examiner.causes}
    seeded = seed_at_hand(examiner.lab.raw)
    return [
        cause_at(
            label_of(site.axis, site, (), seeded=seeded, measured=False), site.axis, site, (),
            ["read, but letting go of it did not change the output"], proven=False,
        )
        for site in examiner.control_sites
        if site.axis in BY_AXIS and (site.axis, site.file, site.line) not in named
    ]  # fmt: skip


RANK = (
    "random", "uuid", "entropy", "clock", "folders", "environment", "timezone", "locale", "external", "hash",
    "identity", "threads", "async", "repeat", "volatile", "process",
)  # fmt: skip


def ranked(causes: Sequence[Cause]) -> list[Cause]:
    """The causes, each once, what is proven first."""
    seen: dict[tuple[str, str, int], Cause] = {}
    for cause in causes:
        seen.setdefault((cause.label, cause.file, cause.line), cause)
    return sorted(
        seen.values(), key=lambda c: (not c.proven, RANK.index(c.axis) if c.axis in RANK else 99)
    )

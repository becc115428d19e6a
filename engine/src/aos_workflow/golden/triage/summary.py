"""Simulations in the morning: what broke, why, since which seed, and how to see it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_workflow.errors import GoldenFileError, UsageError
from aos_workflow.golden.keys import KeyRing
from aos_workflow.golden.rules import Rules
from aos_workflow.golden.source import read_bytes
from aos_workflow.golden.triage.diagnosis import triage
from aos_workflow.golden.triage.grouping import Group, group_mismatches
from aos_workflow.golden.triage.reports import (
    Mismatch,
    Simulation,
    read_simulation,
    simulations_in,
)
from aos_workflow.golden.triage.result import Triage, Verdict
from aos_workflow.golden.triage.subject import subject_of

__all__ = ["SCHEMA", "Summary", "summarise"]

SCHEMA = "aos-triage-summary/1"
GOLDENS = ("primary.steps.jsonl", "shadow.steps.jsonl")
MAX_EXAMINED = 500
"""Mismatches of all folders whose goldens are examined; about 2 ms each."""
MAX_EXAMINED_BYTES = 64 * 1024 * 1024
MAX_OF_KIND = 50
"""Mismatches whose reports say the same that are examined."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What simulations found. ``ignored`` are other paths, with the reason; ``examined`` is by folder and cycle."""

    simulations: tuple[Simulation, ...]
    groups: tuple[Group, ...]
    examined: dict[tuple[str, int], Triage]
    ignored: tuple[tuple[Path, str], ...] = ()
    diagnosed: tuple[Mapping[str, Any], ...] = ()
    undiagnosed: str | None = None

    @property
    def cycles(self) -> int:
        return sum(each.all_cycles for each in self.simulations)

    @property
    def mismatches(self) -> int:
        return sum(each.all_mismatches for each in self.simulations)

    @property
    def errors(self) -> int:
        return sum(each.errors for each in self.simulations)

    @property
    def verdict(self) -> Verdict:
        """``PASS`` if nothing differed and every cycle could be judged."""
        failed = any(each.state == "failed" for each in self.simulations)
        return "FAIL" if self.mismatches or self.errors or failed else "PASS"

    @property
    def notes(self) -> list[str]:
        return [note for each in self.simulations for note in each.notes]

    def to_json(self) -> dict[str, Any]:
        """The summary as JSON data."""
        return {
            "schema": SCHEMA,
            "ok": self.verdict == "PASS",
            "verdict": self.verdict,
            "cycles": self.cycles,
            "mismatches": self.mismatches,
            "errors": self.errors,
            "examined": len(self.examined),
            "groups": [group.to_json() for group in self.groups],
            "runs": [_run(each) for each in self.simulations],
            "ignored": [{"path": str(path), "why": why} for path, why in self.ignored],
            "notes": self.notes,
            **({"doctor": [dict(found) for found in self.diagnosed]} if self.diagnosed else {}),
            **({"doctor_problem": self.undiagnosed} if self.undiagnosed else {}),
        }


def _run(each: Simulation) -> dict[str, Any]:
    return {
        "folder": str(each.folder),
        "state": each.state,
        "cycles": each.all_cycles,
        "reports": each.cycles,
        "mismatches": each.all_mismatches,
        "errors": each.errors,
        "first_error": each.first_error,
        "workflows": dict(sorted(each.workflows.items())),
    }


def summarise(
    folders: Sequence[Path], *, ring: KeyRing | None = None, extra: Rules | None = None
) -> Summary:
    """Read the output folders of simulations, and group their mismatches by cause.

    Raises:
        UsageError: none of the folders is one.
        OSError: a folder cannot be listed.
    """
    found, ignored = simulations_in(list(folders))
    if not found:
        given = "; ".join(f"{path} {why}" for path, why in ignored)
        raise UsageError(
            f"no output folder of a simulation: {given}",
            hint="give the folder that `aos-workflow shadow run --out DIR` wrote to",
        )
    simulations = [read_simulation(folder) for folder in found]
    mismatches = [m for each in simulations for m in each.mismatches.values()]
    examined = _examined(mismatches, ring, extra)
    groups = group_mismatches(mismatches, examined, _shares(simulations))
    return Summary(tuple(simulations), groups, examined, tuple(ignored))


def _shares(simulations: Iterable[Simulation]) -> dict[str, float]:
    """In which part of the reported cycles each fault and perturbation was."""
    marks: Counter[str] = Counter()
    cycles = 0
    for each in simulations:
        marks += each.marks
        cycles += each.cycles
    return {mark: count / cycles for mark, count in marks.items()}


def _examined(
    mismatches: Iterable[Mismatch], ring: KeyRing | None, extra: Rules | None
) -> dict[tuple[str, int], Triage]:
    """Triage of the goldens that are kept, the first ones of each kind of report first."""
    examined: dict[tuple[str, int], Triage] = {}
    kinds: dict[tuple[str | None, ...], int] = {}
    room = MAX_EXAMINED_BYTES
    for each in sorted(mismatches, key=lambda m: (m.run, m.number)):
        kind = (each.workflow, each.cause, each.skill, each.kind)
        if each.folder is None or kinds.get(kind, 0) >= MAX_OF_KIND:
            continue
        if len(examined) >= MAX_EXAMINED or room <= 0:
            break
        try:
            left, right = (read_bytes(each.folder / name) for name in GOLDENS)
        except GoldenFileError:
            continue
        room -= len(left) + len(right)
        kinds[kind] = kinds.get(kind, 0) + 1
        pair = (
            subject_of(data, file=str(each.folder / name), ring=ring)
            for data, name in zip((left, right), GOLDENS, strict=True)
        )
        examined[each.run, each.number] = triage(*pair, extra=extra, same_code=True)
    return examined

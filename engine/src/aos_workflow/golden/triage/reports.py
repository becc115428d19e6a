"""The output folder of a simulation, as far as triage reads it: its status, cycle reports and mismatch folders.

Reads also while the simulation writes: the last line of a file may be torn, a mismatch folder unfinished. What cannot
be read is said, and is no error.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from aos_workflow.determinism import sorted_files
from aos_workflow.errors import GoldenFileError
from aos_workflow.golden.source import read_bytes

__all__ = ["Mismatch", "Simulation", "read_simulation", "simulations_in"]

STATUS = "status.json"
REPORTS = "reports"
MISMATCHES = "mismatches"
REPORT = "report.json"
MAX_REPORT_BYTES = 256 * 1024 * 1024
"""Size of one file of reports."""
MAX_MISMATCHES = 1_000_000
"""Mismatches that are kept of one simulation; the rest is counted."""
MAX_NOTES = 20


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A cycle whose two runs differ. ``marks``: faults that struck, perturbations. ``folder`` holds the goldens."""

    run: str
    number: int
    seed: int
    workflow: str
    cause: str | None
    skill: str | None
    step: str | None
    kind: str | None
    marks: frozenset[str]
    message: str | None = None
    folder: Path | None = None


@dataclass
class Simulation:
    """What one output folder says. ``marks`` counts the cycles with each fault or perturbation."""

    folder: Path
    status: Mapping[str, Any] = field(default_factory=dict)
    cycles: int = 0
    matches: int = 0
    errors: int = 0
    first_error: str | None = None
    mismatches: dict[int, Mismatch] = field(default_factory=dict)
    uncounted: int = 0
    workflows: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @property
    def all_cycles(self) -> int:
        """Cycles that were run: more than there are reports of, for matching ones are thinned."""
        return max(self.cycles, _count(self.status, "cycles"))

    @property
    def all_mismatches(self) -> int:
        return max(len(self.mismatches) + self.uncounted, _count(self.status, "mismatches"))

    @property
    def state(self) -> str:
        return str(self.status.get("state", "unknown"))

    def note(self, text: str) -> None:
        """Say something once the folder is read, unless too much was said already."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append(text)


def _count(status: Mapping[str, Any], name: str) -> int:
    found = status.get(name)
    return found if isinstance(found, int) else 0


def simulations_in(folders: list[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Which of these are output folders of simulations; the others with the reason why not."""
    found, ignored = [], []
    for folder in dict.fromkeys(folders):
        if not folder.exists():
            ignored.append((folder, "does not exist"))
        elif not folder.is_dir():
            ignored.append((folder, "is a file"))
        elif not (folder / STATUS).is_file():
            ignored.append((folder, f"has no {STATUS}"))
        else:
            found.append(folder)
    return found, ignored


def read_simulation(folder: Path) -> Simulation:
    """Everything that the folder says.

    Raises:
        OSError: a folder cannot be listed.
    """
    found = Simulation(folder)
    status = _json(folder / STATUS, found)
    found.status = status if isinstance(status, dict) else {}
    seen: set[int] = set()
    for path in sorted_files(folder / REPORTS, ".json", ".jsonl"):
        for report in _reports(path, found):
            _add(found, report, seen)
    for name in _folders(folder / MISMATCHES):
        _add_folder(found, folder / MISMATCHES / name, seen)
    return found


def _json(path: Path, found: Simulation) -> Any:
    try:
        return orjson.loads(read_bytes(path))
    except (GoldenFileError, ValueError) as error:
        found.note(f"{path}: {getattr(error, 'message', 'not JSON')}")
        return None


def _reports(path: Path, found: Simulation) -> Iterator[Mapping[str, Any]]:
    """The reports in a file: one, or one a line. A last line without an end is still being written."""
    try:
        data = read_bytes(path, limit=MAX_REPORT_BYTES)
    except GoldenFileError as error:
        found.note(error.message)
        return
    whole = path.suffix == ".json"
    texts = [data] if whole else data[: data.rfind(b"\n") + 1].splitlines()
    for line, text in enumerate(texts, 1):
        try:
            report = orjson.loads(text)
        except ValueError:
            found.note(f"{path}:{line}: not JSON")
            continue
        if isinstance(report, dict):
            yield report


def _add(found: Simulation, report: Mapping[str, Any], seen: set[int]) -> None:
    number, verdict = report.get("number"), report.get("verdict")
    if not isinstance(number, int) or number in seen:
        return
    seen.add(number)
    found.cycles += 1
    found.workflows[str(report.get("workflow"))] += 1
    found.marks.update(_marks(report))
    if verdict == "match":
        found.matches += 1
    elif verdict == "mismatch":
        _keep(found, _mismatch(found.folder, report, number))
    else:
        found.errors += 1
        found.first_error = found.first_error or str(report.get("message") or f"cycle {number}")


def _keep(found: Simulation, mismatch: Mismatch) -> None:
    if len(found.mismatches) < MAX_MISMATCHES:
        found.mismatches[mismatch.number] = mismatch
    else:
        found.uncounted += 1


def _mismatch(
    run: Path, report: Mapping[str, Any], number: int, folder: Path | None = None
) -> Mismatch:
    divergence = report.get("divergence")
    where = divergence if isinstance(divergence, dict) else {}
    seed = report.get("seed")
    return Mismatch(
        run=str(run),
        number=number,
        seed=seed if isinstance(seed, int) else 0,
        workflow=str(report.get("workflow")),
        cause=_text(report, "cause"),
        skill=_text(where, "skill"),
        step=_text(where, "step"),
        kind=_text(where, "kind"),
        marks=_marks(report),
        message=_text(report, "message"),
        folder=folder,
    )


def _marks(report: Mapping[str, Any]) -> frozenset[str]:
    names = (*(report.get("faults") or ()), *(report.get("perturbations") or ()))
    return frozenset(name for name in names if isinstance(name, str))


def _text(data: Mapping[str, Any], name: str) -> str | None:
    found = data.get(name)
    return found if isinstance(found, str) else None


def _folders(root: Path) -> list[str]:
    try:
        with os.scandir(root) as entries:
            return sorted(
                entry.name for entry in entries if entry.is_dir() and entry.name[0] != "."
            )
    except FileNotFoundError:
        return []


def _add_folder(found: Simulation, folder: Path, seen: set[int]) -> None:
    """A mismatch folder: goldens for a report that is known, or a finding that only it tells of."""
    if not (folder / REPORT).is_file():
        found.note(f"{folder}: no {REPORT} yet")
        return
    report = _json(folder / REPORT, found)
    number = report.get("number") if isinstance(report, dict) else None
    if not isinstance(number, int):
        found.note(f"{folder / REPORT}: not a cycle report")
        return
    if number not in seen:
        seen.add(number)
        found.cycles += 1
        found.workflows[str(report.get("workflow"))] += 1
    found.mismatches[number] = _mismatch(found.folder, report, number, folder)

"""Which goldens are old enough to go, and which stay whatever their age."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from aos_workflow.determinism import Clock, SystemClock
from aos_workflow.errors import GoldenFileError
from aos_workflow.golden.files import AnyGolden, golden_files, load
from aos_workflow.golden.run_golden import RunGolden
from aos_workflow.golden.sealing import Policy
from aos_workflow.golden.value_golden import ValueGolden

__all__ = ["Keep", "Retained", "judge"]

EVIDENCE_FOLDER = "mismatches"
"""What a shadow simulation found lies below a folder of this name."""


class Keep(StrEnum):
    """Why a golden stays."""

    YOUNG = "young"
    TEST = "test"
    """The golden of a test: it belongs to the code, not to the past."""
    MISMATCH = "mismatch"
    """It does not verify, ended in quarantine, or is what a simulation found: evidence."""


@dataclass(frozen=True, slots=True)
class Retained:
    """One golden, and why it stays; ``None`` if it goes."""

    path: Path
    size_bytes: int
    keep: Keep | None


def judge(folder: Path, older_than: timedelta, *, clock: Clock | None = None) -> Iterator[Retained]:
    """Every golden below a folder, by path. Age is that of the last real change: signing anew leaves a file's time.

    Raises:
        GoldenFileError: a folder cannot be listed.
    """
    limit_s = ((clock or SystemClock()).now() - older_than).timestamp()
    for path in golden_files(folder):
        found = path.stat()
        is_young = found.st_mtime >= limit_s
        yield Retained(path, found.st_size, Keep.YOUNG if is_young else _reason(folder, path))


def _reason(folder: Path, path: Path) -> Keep | None:
    """Why a golden stays although it is old. Read without keys: an unknown one says nothing about the content."""
    if EVIDENCE_FOLDER in path.relative_to(folder).parts[:-1]:
        return Keep.MISMATCH
    try:
        golden = load(path, policy=Policy.INTEGRITY)
    except GoldenFileError:
        return Keep.MISMATCH
    if isinstance(golden, ValueGolden):
        return Keep.TEST
    return Keep.MISMATCH if _is_quarantined(golden) else None


def _is_quarantined(golden: AnyGolden) -> bool:
    if not isinstance(golden, RunGolden) or not golden.events:
        return False
    last = golden.events[-1]
    return last.event_type == "run_end" and last.data.get("status") == "quarantined"

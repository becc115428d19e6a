"""A simulation's folder.

DIR/
├── simulation.json   what was asked for; written first
├── status.json       how it goes; replaced every few seconds
├── summary.json      what came of it; written when it ends
├── journal.jsonl     what is counted; one line a batch
├── lock              held by the coordinator while it lives
├── reports/          cycle_N.json for each finding, cycle_matched_*.jsonl for some of the others
├── mismatches/       cycle_N/ for each mismatch: both goldens, the cycle, the command that shows it again
└── golden/           goldens of some cycles that matched
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from aos_workflow.errors import ShadowBusyError, ShadowFolderError, UsageError
from aos_workflow.golden.atomic import remove_stale, write_atomic
from aos_workflow.shadow.reading import what_is_wrong
from aos_workflow.shadow.records import Campaign

__all__ = ["Folder", "Settings", "is_held"]

FORMAT = 1
_PARTS = ("reports", "mismatches", "golden")


@dataclass(frozen=True, slots=True)
class Settings:
    """What one command asked for, with everything that decides which cycles there are.

    Without ``cycles`` and ``hours`` it runs until it is stopped. ``together`` cycles make a round, and a round begins
    every ``interval_s`` at most.
    """

    campaign: Campaign
    runner: str
    cycles: int | None = None
    hours: float | None = None
    together: int = 1
    interval_s: float = 0.0
    fingerprint: str = ""
    created_at: str = ""
    version: str = ""

    @property
    def batch_size(self) -> int | None:
        """A round that must wait for its time is a batch; ``None`` leaves it to the schedule."""
        return self.together if self.interval_s > 0 else None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"format": FORMAT, **asdict(self), "campaign": self.campaign.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Settings:
        """What ``to_json`` gave. Raises KeyError, TypeError, ValueError."""
        known = dict(data)
        if known.pop("format") != FORMAT:
            raise ValueError("another format")
        return cls(**{**known, "campaign": Campaign.from_json(known["campaign"])})


class Folder:
    """The folder of one simulation, and the lock on it."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    @property
    def reports(self) -> Path:
        return self.path / "reports"

    @property
    def mismatches(self) -> Path:
        return self.path / "mismatches"

    @property
    def golden(self) -> Path:
        return self.path / "golden"

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def status(self) -> Path:
        return self.path / "status.json"

    @property
    def summary(self) -> Path:
        return self.path / "summary.json"

    def take(self) -> None:
        """Make the folder if need be, and hold its lock up to ``release`` or the end of the process.

        Raises:
            ShadowBusyError: another simulation holds it.
            UsageError: the path is not a folder.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise UsageError(f"{self.path} is not a folder", hint="--out DIR") from None
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(handle, 20, 0).decode(errors="replace").strip()
            os.close(handle)
            raise ShadowBusyError(
                f"another simulation writes into {self.path}"
                + (f": process {owner}" if owner else ""),
                folder=str(self.path),
                hint="give this one a folder of its own: --out DIR",
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._lock = handle
        for part in ("", *_PARTS):
            remove_stale(self.path / part, older_than=None)  # of one that was killed

    def release(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def refuse_begun(self) -> None:
        """Check that no simulation was begun here.

        Raises:
            ShadowFolderError: there was.
        """
        if (self.path / "simulation.json").exists():
            raise ShadowFolderError(
                f"{self.path} already holds a simulation",
                folder=str(self.path),
                hint=f"aos-workflow shadow run --resume {self.path}",
            )

    def begin(self, settings: Settings) -> None:
        """Begin a simulation in the folder. Raises ShadowFolderError if there is one already."""
        self.refuse_begun()
        self._write_settings(settings)

    def settings(self) -> Settings:
        """What the simulation in the folder was asked for.

        Raises:
            ShadowFolderError: there is none.
        """
        try:
            return Settings.from_json(json.loads((self.path / "simulation.json").read_bytes()))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ShadowFolderError(
                f"{self.path} holds no simulation that can be read: {what_is_wrong(error)}",
                folder=str(self.path),
                hint="name the folder that --out named",
            ) from None

    def extend(self, settings: Settings, *, cycles: int | None, hours: float | None) -> Settings:
        """Change how long it is to run, if the new command says so."""
        if cycles is None and hours is None:
            return settings
        changed = replace(settings, cycles=cycles, hours=hours)
        self._write_settings(changed)
        return changed

    def _write_settings(self, settings: Settings) -> None:
        for part in _PARTS:
            (self.path / part).mkdir(exist_ok=True)
        data = json.dumps(settings.to_json(), indent=2) + "\n"
        write_atomic(self.path / "simulation.json", data.encode())


def is_held(path: Path) -> bool:
    """Whether a simulation is at work in the folder."""
    try:
        handle = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False

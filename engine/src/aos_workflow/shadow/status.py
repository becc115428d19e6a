"""How a simulation goes, as ``status.json`` holds it, and what to think of it."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from aos_workflow.errors import ShadowFolderError
from aos_workflow.golden.atomic import write_atomic
from aos_workflow.shadow.reading import what_is_wrong

__all__ = [
    "Check",
    "Sample",
    "State",
    "Status",
    "as_seen",
    "checks",
    "is_killed",
    "read_status",
    "state_of",
    "write_status",
]

STALE_AFTER_S = 60.0
"""Age of a status that nobody writes any more: it is renewed every few seconds."""
MIN_FREE_BYTES = 500 << 20
MAX_FOLDER_BYTES = 2 << 30
_MEMORY_BYTES = 100 << 20
"""What a coordinator may hold, and each of its workers."""
_RATES_AFTER_S = 4 * 3600.0
_FIRST_S = 3600.0
_SLOWER = 0.5
_GROWN = 1.2


class State(enum.StrEnum):
    """What a simulation is doing."""

    RUNNING = "running"
    DONE = "done"
    STALLED = "stalled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Sample:
    """How it was at one time."""

    elapsed_s: float
    cycles: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Status:
    """One moment of a simulation. ``elapsed_s`` adds up what several resumed runs took."""

    state: State
    cycles: int
    matches: int
    mismatches: int
    errors: int
    rate_per_s: float
    elapsed_s: float
    updated_at: str
    started_at: str
    pid: int
    host: str
    workers: int
    fleet: str
    target_cycles: int | None = None
    target_s: float | None = None
    eta_s: float | None = None
    silent_s: float = 0.0
    disk_free_bytes: int = 0
    disk_used_bytes: int = 0
    memory_bytes: int = 0
    lost_batches: int = 0
    first_mismatch: Mapping[str, Any] | None = None
    problem: str | None = None
    ended_by: str | None = None
    hook: Mapping[str, int] | None = None
    """What ``SHADOW_HOOK`` was told, and how much of it was ``delivered`` and has ``failed``."""
    samples: tuple[Sample, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"format": 1, **asdict(self), "state": self.state.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Status:
        """What ``to_json`` gave. Raises KeyError, TypeError, ValueError."""
        known = dict(data)
        if known.pop("format") != 1:
            raise ValueError("another format")
        samples = tuple(Sample(**sample) for sample in known["samples"])
        return cls(**{**known, "state": State(known["state"]), "samples": samples})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    name: str
    ok: bool
    text: str


def write_status(path: Path, status: Status) -> None:
    """Replace the file. Raises OSError."""
    write_atomic(path, (json.dumps(status.to_json(), indent=2) + "\n").encode())


def read_status(path: Path) -> Status:
    """The status in the file.

    Raises:
        ShadowFolderError: there is none that can be read.
    """
    try:
        return Status.from_json(json.loads(path.read_bytes()))
    except FileNotFoundError:
        reason, hint = "there is no status.json", "name the folder that --out named"
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"status.json cannot be read: {what_is_wrong(error)}"
        hint = f"aos-workflow shadow run --resume {path.parent}"
    raise ShadowFolderError(
        f"no simulation in {path.parent}: {reason}", folder=str(path.parent), hint=hint
    )


def state_of(status: Status, *, now: datetime, held: bool) -> State:
    """The state, seen from outside: who says that it runs may have been killed, or hang.

    ``held`` says whether somebody holds the folder's lock.
    """
    if status.state in (State.DONE, State.FAILED):
        return status.state
    if not held:
        return State.FAILED
    if status.state is State.STALLED or _age_s(status, now) > STALE_AFTER_S:
        return State.STALLED
    return State.RUNNING


def is_killed(status: Status, *, held: bool) -> bool:
    """Whether its process ended without a word."""
    return not held and status.state not in (State.DONE, State.FAILED)


def as_seen(status: Status, *, now: datetime, held: bool) -> Status:
    """The status with its state as it is seen from outside, and what that means."""
    problem = status.problem
    if is_killed(status, held=held):
        gone = f"its process {status.pid} on {status.host} is gone: killed, or the machine ended"
        problem = f"{gone}; before that: {problem}" if problem else gone
    return replace(status, state=state_of(status, now=now, held=held), problem=problem)


def checks(status: Status, *, now: datetime, held: bool) -> list[Check]:
    """Everything that must hold of a simulation of any age; and from four hours on, of its rate and memory."""
    status = as_seen(status, now=now, held=held)
    state = status.state
    limit = _MEMORY_BYTES * (1 + status.workers)
    because = f": {status.problem}" if status.problem else ""
    return [
        Check("simulation", state in (State.RUNNING, State.DONE), f"{state}{because}"),
        Check(
            "status",
            state is not State.RUNNING or _age_s(status, now) <= STALE_AFTER_S,
            f"of {status.updated_at}",
        ),
        Check(
            "progress", status.cycles > 0, f"{status.cycles:,} cycles, {status.rate_per_s:,.0f}/s"
        ),
        Check("mismatches", status.mismatches == 0, f"{status.mismatches:,}"),
        Check("errors", status.errors == 0, f"{status.errors:,} cycles could not be judged"),
        Check(
            "disk free",
            status.disk_free_bytes >= MIN_FREE_BYTES,
            _megabytes(status.disk_free_bytes, MIN_FREE_BYTES, "at least"),
        ),
        Check(
            "disk used",
            status.disk_used_bytes <= MAX_FOLDER_BYTES,
            _megabytes(status.disk_used_bytes, MAX_FOLDER_BYTES, "at most"),
        ),
        Check(
            "memory",
            status.memory_bytes <= limit,
            _megabytes(status.memory_bytes, limit, "at most"),
        ),
        *_long_run(status),
    ]


def _long_run(status: Status) -> list[Check]:
    if status.elapsed_s < _RATES_AFTER_S:
        return []
    early = [sample for sample in status.samples if sample.elapsed_s <= _FIRST_S]
    late = [s for s in status.samples if s.elapsed_s >= status.elapsed_s - _FIRST_S]
    if not early or len(late) < 2 or not early[-1].elapsed_s:
        return []
    before = early[-1].cycles / early[-1].elapsed_s
    after = (late[-1].cycles - late[0].cycles) / max(1e-9, late[-1].elapsed_s - late[0].elapsed_s)
    first, last = early[-1].memory_bytes, late[-1].memory_bytes
    return [
        Check(
            "rate over time",
            after >= before * _SLOWER,
            f"{before:,.0f}/s in the first hour, now {after:,.0f}/s",
        ),
        Check(
            "memory over time",
            last <= first * _GROWN,
            f"{first >> 20} MB after the first hour, now {last >> 20} MB",
        ),
    ]


def _megabytes(found: int, limit: int, word: str) -> str:
    return f"{found >> 20:,} MB; {word} {limit >> 20:,} MB"


def _age_s(status: Status, now: datetime) -> float:
    return (now - datetime.fromisoformat(status.updated_at)).total_seconds()

"""How the execution of a run ends, for now or for good. Decided in one place, by whoever is first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from aos_workflow.errors import AosError, DivergenceError

__all__ = ["Cancelled", "Completed", "Diverged", "Failed", "Lost", "Outcome", "Parked", "Suspended"]


@dataclass(frozen=True, slots=True)
class Completed:
    output: Any


@dataclass(frozen=True, slots=True)
class Failed:
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Suspended:
    """Until people act."""

    reason: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """Until a time; the worker is free meanwhile."""

    reason: str
    delay_s: float


@dataclass(frozen=True, slots=True)
class Cancelled:
    by: str = "request"


@dataclass(frozen=True, slots=True)
class Diverged:
    error: DivergenceError


@dataclass(frozen=True, slots=True)
class Lost:
    """The run is no longer ours, or the store is gone: nothing more may be written."""

    error: AosError


Outcome: TypeAlias = Completed | Failed | Suspended | Parked | Cancelled | Diverged | Lost

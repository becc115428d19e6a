"""What a simulation is made of, as values that cross processes and are written to disk.

A ``Campaign`` is what one command asked for. ``shadow.cycle.plan(campaign, number, programs)`` draws cycle ``number``
from it, and nothing else decides what a cycle does: so one process, four, or a cluster find the same. Each cycle is run
twice, by ``shadow.cycle.run_side(cycle, Side.PRIMARY, programs)`` and, in another process, by ``run_side(cycle,
Side.SHADOW, programs)``; both give a ``SideResult``, and ``shadow.comparing.compare(cycle, primary, shadow)`` makes a
``CycleReport`` of them. ``programs`` are the loaded workflows: what knows modules and folders stands above.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Campaign", "Cycle", "CycleReport", "Fault", "Side", "SideResult", "Verdict"]


class Side(enum.StrEnum):
    """Which of the two runs of a cycle."""

    PRIMARY = "primary"
    SHADOW = "shadow"


class Verdict(enum.StrEnum):
    """What came of a cycle."""

    MATCH = "match"
    MISMATCH = "mismatch"
    ERROR = "error"  # the cycle could not be judged: the simulation itself failed


@dataclass(frozen=True, slots=True)
class Campaign:
    """One simulation: which workflows, which seed, which faults.

    ``workflows`` are references as the command line takes them (a module, a file, a folder), or empty for the shipped
    types. ``faults`` names a profile.
    """

    seed: int
    workflows: tuple[str, ...] = ()
    faults: str = "default"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that ``from_json`` reads."""
        return {"seed": self.seed, "workflows": list(self.workflows), "faults": self.faults}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Campaign:
        """Return what ``to_json`` wrote."""
        return cls(data["seed"], tuple(data["workflows"]), data["faults"])


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its kind, the how-manieth occasion it strikes at, on which side, and its numbers."""

    kind: str
    at: int
    side: Side | None = None  # None: on both
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cycle:
    """What one cycle does; a pure function of campaign and number.

    ``perturbations`` say how the shadow's world differs (``schedule``, ``clock``, ``environment``, ...), each with the
    seed that it is drawn from.
    """

    number: int
    seed: int
    workflow: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    perturbations: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that ``from_json`` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Cycle:
        """Return what ``to_json`` wrote."""
        faults = tuple(
            Fault(f["kind"], f["at"], None if f["side"] is None else Side(f["side"]), f["numbers"])
            for f in data["faults"]
        )
        return cls(
            number=data["number"],
            seed=data["seed"],
            workflow=data["workflow"],
            inputs=data["inputs"],
            faults=faults,
            perturbations=data["perturbations"],
        )


@dataclass(frozen=True, slots=True)
class SideResult:
    """What one side of a cycle came to.

    ``steps`` are ``[path, skill, step hash, input hash, output hash]`` in program order. ``events`` holds the golden's
    events, canonical JSON one a line; a side may leave it empty for a cycle that matches, and is then asked again.
    """

    status: str
    workflow_hash: str
    steps: tuple[tuple[str, str, str, str, str], ...]
    error_code: str | None = None
    events: bytes = b""
    injected: tuple[str, ...] = ()  # faults that did strike


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What came of a cycle, as ``reports/`` holds it."""

    number: int
    seed: int
    workflow: str
    verdict: Verdict
    primary_hash: str
    shadow_hash: str
    steps: int
    faults: tuple[str, ...] = ()  # kinds that struck
    perturbations: tuple[str, ...] = ()
    cause: str | None = None  # class of the difference, for grouping
    divergence: Mapping[str, Any] | None = (
        None  # {"step", "skill", "kind", "expected", "got"} of the first one
    )
    message: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that ``from_json`` reads."""
        data = asdict(self)
        data["verdict"] = self.verdict.value
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CycleReport:
        """Return what ``to_json`` wrote."""
        known = dict(data)
        known["verdict"] = Verdict(known["verdict"])
        known["faults"] = tuple(known["faults"])
        known["perturbations"] = tuple(known["perturbations"])
        return cls(**known)

"""What a simulation found out by experiment, in the words of triage: surer than what values look like.

A simulation runs a cycle that mismatched again, with one thing held still at a time, and writes into the report which
of them makes the sides agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["Experiment", "experiment"]

_FAULT = "fault "


@dataclass(frozen=True, slots=True)
class Experiment:
    """The class that an experiment shows, and what was seen. ``fix`` stands before that of the class."""

    cause: str
    evidence: str
    fix: str = ""


_CLOCK = "Take the time from ctx.now(), or as an argument."
_IDS = "Make ids with ctx.uuid(), or derive them: uuid.uuid5(NAMESPACE, content)."
_KNOWN: Mapping[str, Experiment] = MappingProxyType(
    {
        "seed": Experiment("seed-mismatch", "with one seed the sides agree"),
        "clock": Experiment("volatile-leak", "with the clock held still the sides agree", _CLOCK),
        "uuid": Experiment(
            "volatile-leak", "with the source of ids held still the sides agree", _IDS
        ),
        "random": Experiment("unseeded-rng", "with the process's generator seeded the sides agree"),
        "entropy": Experiment("unseeded-rng", "with the system's entropy fixed the sides agree"),
        "order": Experiment("order-only", "only the order differs, and changes with the process"),
        "float": Experiment("float-only", "only rounding differs, and changes with the process"),
        "external": Experiment("external-call", "with the outside closed the sides agree"),
        "state": Experiment("shared-state", "in processes with one memory the sides agree"),
        "schedule": Experiment("schedule-dependent", "with the same schedule the sides agree"),
        "process": Experiment(
            "process-dependent", "steady within a process, another value in the next"
        ),
        "timezone": Experiment("environment", "in one time zone the sides agree"),
        "environment": Experiment("environment", "with the same variables the sides agree"),
        "folder": Experiment("environment", "in one working directory the sides agree"),
    }
)


def experiment(name: str | None) -> Experiment | None:
    """What the class in a report stands for; ``None`` if it settles nothing or is not known."""
    if name is None:
        return None
    if name.startswith(_FAULT):
        return Experiment(
            "fault-dependent", f"without the fault {name.removeprefix(_FAULT)} the sides agree"
        )
    return _KNOWN.get(name)

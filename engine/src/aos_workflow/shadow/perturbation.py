"""How the shadow's world differs from the primary's, though nothing that a workflow may depend on does.

===============  ==========================================================================================
``schedule``     order of what is ready at the same time, of timers, of executors: drawn, not first come first served
``state``        the process has run this workflow before, so many times, with other seeds
``clock``        the date is off, by so many seconds
``timezone``     another time zone
``environment``  other users, hosts, languages and terminals in the environment
``folder``       another working directory
===============  ==========================================================================================

The hash seed differs as well: that of a process can only be chosen when it is started. ``schedule_since`` and
``schedule_until`` limit the schedule to some of its decisions, when a case is shrunk.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from aos_workflow.determinism import seeded_random
from aos_workflow.shadow.wall_clock import moved_clock
from aos_workflow.simulation import Schedule

__all__ = ["NAMES", "draw_perturbations", "perturbed", "schedule_of"]

NAMES: Final = ("schedule", "state", "clock", "timezone", "environment", "folder")
_SHARES: Final[Mapping[str, float]] = {
    "state": 0.1,
    "clock": 0.3,
    "timezone": 0.2,
    "environment": 0.2,
    "folder": 0.1,
}
_ZONES = ("Pacific/Kiritimati", "America/St_Johns", "Asia/Kathmandu", "Pacific/Pago_Pago", "UTC")
_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "USER": ("alice", "bob"),
    "LOGNAME": ("alice", "bob"),
    "HOSTNAME": ("node-1", "node-2"),
    "LANG": ("C", "de_DE.UTF-8", "tr_TR.UTF-8"),
    "COLUMNS": ("40", "200"),
    "TMPDIR": ("/tmp", "/var/tmp"),
}
_DAY_S = 86_400
_MOST_DAYS = 400


def draw_perturbations(draw: random.Random) -> dict[str, int]:
    """What differs in one cycle: the schedule always, the rest now and then."""
    found = {"schedule": draw.getrandbits(32)}
    for name, share in _SHARES.items():
        if draw.random() < share:
            found[name] = _strength(draw, name)
    return found


def _strength(draw: random.Random, name: str) -> int:
    if name == "clock":
        return draw.randint(-_MOST_DAYS * _DAY_S, _MOST_DAYS * _DAY_S)
    return 1 if name == "state" else draw.getrandbits(16)


def schedule_of(perturbations: Mapping[str, int]) -> Schedule:
    """The schedule of a side."""
    return Schedule(
        perturbations.get("schedule"),
        since=perturbations.get("schedule_since", 0),
        until=perturbations.get("schedule_until"),
    )


@contextmanager
def perturbed(
    perturbations: Mapping[str, int], namespaces: tuple[dict[str, Any], ...]
) -> Iterator[None]:
    """Make this process differ as they say, while the block runs."""
    if not perturbations.keys() & {"clock", "timezone", "environment", "folder"}:
        yield
        return
    with ExitStack() as stack:
        if "environment" in perturbations:
            draw = seeded_random(perturbations["environment"], "environment")
            stack.enter_context(_environment({k: draw.choice(v) for k, v in _VARIABLES.items()}))
        if "timezone" in perturbations:
            zone = _ZONES[perturbations["timezone"] % len(_ZONES)]
            stack.enter_context(_environment({"TZ": zone}))
        if "folder" in perturbations:
            stack.enter_context(_elsewhere())
        if "clock" in perturbations:
            stack.enter_context(moved_clock(perturbations["clock"], namespaces))
        yield


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    _set_environment(values)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if "TZ" in values and hasattr(time, "tzset"):
        time.tzset()


@contextmanager
def _elsewhere() -> Iterator[None]:
    before = Path.cwd()
    other = Path(tempfile.gettempdir())
    os.chdir(other if before != other else other.parent)
    try:
        yield
    finally:
        os.chdir(before)

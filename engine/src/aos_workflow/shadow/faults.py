"""What goes wrong in a cycle: kinds of faults, and how a seed draws some of them.

A fault is either *survived*, then it strikes one side only and must change nothing; or it may change what comes of a
run (a step fails, a try times out), then it strikes both sides alike, and both must come to the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aos_workflow.errors import UsageError
from aos_workflow.shadow.records import Fault, Side

__all__ = ["KINDS", "PROFILES", "FaultKind", "Profile", "draw_faults", "profile"]

Numbers = Mapping[str, float]
_FIRST_COMMITS = 12
_FIRST_CALLS = 24
_ONE_IN = (1, 2, 4)
_MOST_DELAY_S = 20.0
_MOST_SHIFT_S = 86_400
_MOST_CALLS = 3


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind: where it strikes, and whether both sides get it.

    ``place`` is what its ``at`` counts: commits, calls of the store or of the budget store, recorded events, ends of
    the run; or ``step``: the steps whose place in the program falls into that class of ``one_in``.
    """

    place: str
    is_shared: bool = False
    takes_time: bool = False
    numbers: Callable[[random.Random], Numbers] = lambda draw: {}


def _some_steps(draw: random.Random) -> Numbers:
    return {"one_in": draw.choice(_ONE_IN), "tries": draw.randint(1, 3)}


def _slow(draw: random.Random) -> Numbers:
    return {"one_in": draw.choice(_ONE_IN), "delay_s": round(draw.uniform(0.001, _MOST_DELAY_S), 3)}


KINDS: Final[Mapping[str, FaultKind]] = {
    "exception": FaultKind("step", is_shared=True, numbers=_some_steps),
    "timeout": FaultKind("step", is_shared=True, takes_time=True, numbers=_some_steps),
    "slow_step": FaultKind("step", takes_time=True, numbers=_slow),
    "duplicate_commit": FaultKind("commit"),
    "duplicate_start": FaultKind("end"),
    "lost_connection": FaultKind("call", numbers=lambda draw: {"applied": draw.randint(0, 1)}),
    "version_conflict": FaultKind("commit"),
    "clock_jump": FaultKind(
        "commit",
        takes_time=True,
        numbers=lambda draw: {"shift_s": draw.randint(-_MOST_SHIFT_S, _MOST_SHIFT_S)},
    ),
    "crash_before_commit": FaultKind("commit"),
    "crash_after_commit": FaultKind("commit"),
    "worker_death": FaultKind("commit", takes_time=True),
    "budget_store_loss": FaultKind(
        "budget", takes_time=True, numbers=lambda draw: {"calls": draw.randint(1, _MOST_CALLS)}
    ),
    "disk_full": FaultKind("event"),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """How much goes wrong: in what share of the cycles, and how many things in one."""

    share: float
    most: int


PROFILES: Final[Mapping[str, Profile]] = {
    "none": Profile(0.0, 0),
    "default": Profile(0.5, 2),
    "heavy": Profile(1.0, 5),
}


def profile(name: str) -> Profile:
    """The profile of this name. Raises UsageError."""
    found = PROFILES.get(name)
    if found is None:
        raise UsageError(f"no fault profile {name!r}", hint=f"one of: {', '.join(PROFILES)}")
    return found


def draw_faults(draw: random.Random, name: str, *, is_timed: bool = False) -> tuple[Fault, ...]:
    """The faults of one cycle. A workflow that ``is_timed``, as a whole, gets none that take time on one side only."""
    chosen = profile(name)
    if draw.random() >= chosen.share:
        return ()
    kinds = [
        name for name, kind in KINDS.items() if kind.is_shared or not (is_timed and kind.takes_time)
    ]
    count = min(draw.randint(1, chosen.most), len(kinds))
    return tuple(_fault(draw, name) for name in draw.sample(kinds, count))


def _fault(draw: random.Random, name: str) -> Fault:
    kind = KINDS[name]
    side = None if kind.is_shared else draw.choice((Side.SHADOW, Side.SHADOW, Side.PRIMARY))
    numbers = kind.numbers(draw)
    most = {"step": int(numbers.get("one_in", 1)), "end": 1, "call": _FIRST_CALLS}
    occasions = most.get(kind.place, _FIRST_COMMITS)
    return Fault(name, draw.randrange(occasions), side, numbers)

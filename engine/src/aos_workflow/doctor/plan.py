"""Which axes are let go, with which variants, and what a failure under them means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from aos_workflow.doctor.axes import (
    clock,
    entropy,
    environment,
    external,
    folders,
    hashing,
    identity,
    locales,
    loop,
    randomness,
    threads,
    timezone,
    uuids,
    volatile,
)

__all__ = ["AXES", "BUDGETS", "Budget", "SourceAxis", "provokes"]

Budget = Literal["quick", "default", "deep"]
BUDGETS: tuple[Budget, ...] = get_args(Budget)


@dataclass(frozen=True, slots=True)
class SourceAxis:
    """An axis whose sources are frozen and let go line by line.

    ``faithful``: what it does happens in real life just so, so that an exception under it is a difference,
    too. Of other
    axes an exception only says that the function does not tolerate the perturbation.
    """

    name: str
    label: str
    provoke: Callable[[str], Sequence[Any]]
    drives: Callable[[str], Sequence[Any]] | None = None
    faithful: bool = True


AXES: tuple[SourceAxis, ...] = (
    SourceAxis(randomness.NAME, randomness.LABEL, randomness.provoke, randomness.drives),
    SourceAxis(uuids.NAME, uuids.LABEL, uuids.provoke, uuids.drives),
    SourceAxis(entropy.NAME, entropy.LABEL, entropy.provoke, entropy.drives),
    SourceAxis(clock.NAME, clock.LABEL, clock.provoke, clock.drives),
    SourceAxis(hashing.NAME, hashing.LABEL, hashing.provoke),
    SourceAxis(identity.NAME, identity.LABEL, identity.provoke),
    SourceAxis(folders.NAME, folders.LABEL, folders.provoke),
    SourceAxis(environment.NAME, environment.LABEL, environment.provoke, None, faithful=False),
    SourceAxis(timezone.NAME, timezone.LABEL, timezone.provoke, None, faithful=False),
    SourceAxis(locales.NAME, locales.LABEL, locales.provoke, None, faithful=False),
    SourceAxis(external.NAME, external.LABEL, external.provoke, None, faithful=False),
    SourceAxis(volatile.NAME, volatile.LABEL, volatile.provoke, volatile.drives, faithful=False),
    SourceAxis(threads.NAME, threads.LABEL, threads.provoke),
    SourceAxis(loop.NAME, loop.LABEL, loop.provoke),
)
SCHEDULES = (threads.NAME, loop.NAME)
STATE = "repeat"
"""The axis of calling twice in one process."""
PROCESS = "process"
"""The axis of fresh processes with other hash seeds and addresses."""


def provokes(axis: SourceAxis, budget: Budget) -> list[Any]:
    """The variants of an axis."""
    return list(axis.provoke(budget))

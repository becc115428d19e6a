"""Why the two sides of a cycle differ, as a coarse class: found by running a side again with less, and under control.

First what must differ between the worlds: a perturbation or a fault without which the sides agree. If they do not agree
even then, the run itself varies: then by what it may not look at any more (the clock, randomness) for it to be steady;
and if it is steady within a process and not between two, by how the values differ.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, Final

import orjson

from aos_workflow.shadow.comparing import is_same
from aos_workflow.shadow.cycle import run_side
from aos_workflow.shadow.perturbation import NAMES
from aos_workflow.shadow.records import Cycle, CycleReport, Side, SideResult
from aos_workflow.shadow.runner import decode_result, encode_result
from aos_workflow.shadow.scenarios import Programs
from aos_workflow.shadow.wall_clock import frozen_clock, replaced

__all__ = ["CAUSES", "cause_of", "value_class"]

CAUSES: Final[Mapping[str, str]] = {
    "clock": "the clock is read past ctx.now()",
    "random": "the process's own random generator is drawn from",
    "uuid": "ids are made past ctx.uuid()",
    "entropy": "the system's entropy is drawn from",
    "state": "what earlier runs left in the process is used",
    "order": "an order that no one promises is used: of a set, of hashes",
    "float": "floats are rounded differently, as in a sum in another order",
    "process": "something of the process is used: an address, a number, what was worked out at import",
    "schedule": "who is first decides",
    "timezone": "the time zone is used",
    "environment": "variables of the environment are used",
    "folder": "the working directory is used",
    "unsteady": "every run differs, whatever is held still",
    "combination": "only several perturbations or faults together show it",
}
"""Besides these, ``fault KIND``: the sides differ only if that goes wrong."""

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.I)
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?|$)")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}")
_CLOSE = 1e-9


def cause_of(cycle: Cycle, primary: SideResult, report: CycleReport, programs: Programs) -> str:
    """The class of a mismatch: one of ``CAUSES``, or ``fault KIND``. Runs the cycle again, several times."""

    def again(variant: Cycle, side: Side) -> SideResult:
        return run_side(variant, side, programs)

    if is_same(primary, again(cycle, Side.PRIMARY)):
        return _difference_of_worlds(cycle, primary, again)
    return _variation(report, lambda: again(cycle, Side.PRIMARY), programs)


# between the worlds


def _difference_of_worlds(
    cycle: Cycle, primary: SideResult, again: Callable[[Cycle, Side], SideResult]
) -> str:
    """What it is that the shadow has and the primary has not, or the other way round."""
    shared = tuple(fault for fault in cycle.faults if fault.side is None)
    calm = replace(cycle, faults=shared, perturbations={})
    expected = again(calm, Side.SHADOW)

    def faults_of(side: Side) -> Iterator[str]:
        for fault in cycle.faults:
            one = replace(calm, faults=(*shared, fault))
            if fault.side is side and not is_same(expected, again(one, side)):
                yield f"fault {fault.kind}"

    if not is_same(primary, expected):
        return next(faults_of(Side.PRIMARY), "combination")
    for name in NAMES:
        kept = {key: n for key, n in cycle.perturbations.items() if key.startswith(name)}
        if kept and not is_same(expected, again(replace(calm, perturbations=kept), Side.SHADOW)):
            return name
    return next(faults_of(Side.SHADOW), "combination")


# within one world


def _variation(report: CycleReport, again: Callable[[], SideResult], programs: Programs) -> str:
    """What makes a run differ from the same run."""
    known = value_class(report.divergence)
    if known == "process":
        return known
    if is_same(again(), again()):
        return known or "process"
    places = programs.namespaces
    controls: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "clock": lambda: frozen_clock(places),
        "random": _seeded_random,
        "entropy": lambda: _fixed_entropy(places),
    }
    for name, control in controls.items():
        if is_same(_under(control, again), _under(control, again)):
            return "uuid" if name == "entropy" and known == "uuid" else name
    if _is_steady_in_forks(again):
        return "state"
    return known or "unsteady"


def _under(
    control: Callable[[], AbstractContextManager[None]], again: Callable[[], SideResult]
) -> SideResult:
    with control():
        return again()


@contextmanager
def _seeded_random() -> Iterator[None]:
    before = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(before)


@contextmanager
def _fixed_entropy(places: tuple[dict[str, Any], ...]) -> Iterator[None]:
    numbers = itertools.count()

    def urandom(size: int, /) -> bytes:
        seed = str(next(numbers)).encode()
        return hashlib.shake_128(seed).digest(size)

    with replaced({os.urandom: urandom}, places):
        yield


def _is_steady_in_forks(again: Callable[[], SideResult]) -> bool:
    """Whether two processes with one memory come to the same."""
    if not hasattr(os, "fork"):
        return False
    first, second = _in_fork(again), _in_fork(again)
    return first is not None and second is not None and is_same(first, second)


def _in_fork(again: Callable[[], SideResult]) -> SideResult | None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(encode_result(replace(again(), events=b"")))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    return decode_result(orjson.loads(data)) if data else None


# by the values


def value_class(divergence: Mapping[str, Any] | None) -> str | None:
    """What the values that differ look like, if they look like anything."""
    for entry in (divergence or {}).get("diffs", ()):
        if entry["kind"] == "reordered":
            return "order"
        found = _class_of_pair(entry.get("expected"), entry.get("got"))
        if found is not None:
            return found
    return None


def _class_of_pair(first: Any, second: Any) -> str | None:
    if isinstance(first, float) and isinstance(second, (int, float)):
        return "float" if abs(first - second) <= _CLOSE * max(abs(first), abs(second)) else None
    if not (isinstance(first, str) and isinstance(second, str)):
        return None
    if _UUID.search(first) and _UUID.search(second):
        return "uuid"
    if _ADDRESS.search(first) and _ADDRESS.search(second):
        return "process"
    if _TIME.match(first) and _TIME.match(second):
        return "clock"
    return "order" if first != second and sorted(first) == sorted(second) else None

"""The faults of one side of a cycle while it runs: which are due now, and which did strike."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from aos_workflow.shadow.faults import KINDS
from aos_workflow.shadow.records import Fault, Side

__all__ = ["Strikes"]


class Strikes:
    """Counts occasions, place by place. A fault strikes once; one of steps at every step of its class."""

    def __init__(self, faults: Iterable[Fault], side: Side) -> None:
        self._at: dict[str, list[Fault]] = {}
        for fault in faults:
            if fault.side in (None, side):
                self._at.setdefault(KINDS[fault.kind].place, []).append(fault)
        self._occasions: Counter[str] = Counter()
        self._struck: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self._at)

    def has(self, place: str) -> bool:
        """Whether anything is to happen there."""
        return place in self._at

    @property
    def injected(self) -> tuple[str, ...]:
        """The kinds that did strike, in order."""
        return tuple(self._struck)

    def stop(self) -> None:
        """From now on nothing strikes."""
        self._at.clear()

    def due(self, place: str) -> list[Fault]:
        """What strikes at this occasion."""
        number = self._occasions[place]
        self._occasions[place] = number + 1
        return [
            self._strike(fault)
            for fault in self._at.get(place, ())
            if fault.at <= number < fault.at + int(fault.numbers.get("calls", 1))
        ]

    def at_step(self, path: str) -> list[Fault]:
        """What strikes at the step with this path."""
        return [
            self._strike(fault)
            for fault in self._at.get("step", ())
            if _class_of(path, int(fault.numbers["one_in"])) == fault.at
        ]

    def _strike(self, fault: Fault) -> Fault:
        self._struck[fault.kind] = None
        return fault


def _class_of(path: str, one_in: int) -> int:
    """Which of ``one_in`` classes a step belongs to, whenever it runs."""
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:4], "big") % one_in

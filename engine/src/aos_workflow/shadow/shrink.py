"""The smallest case that mismatches for the same cause: fewer faults and perturbations, less schedule, less input."""

from __future__ import annotations

import os
import pprint
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aos_workflow.errors import ShadowError
from aos_workflow.shadow.case import Case, with_cycle
from aos_workflow.shadow.ddmin import ddmin, smallest
from aos_workflow.shadow.records import Cycle, CycleReport, Fault
from aos_workflow.shadow.trials import RUNNER, Trial, Trials

__all__ = ["Shrunk", "as_test", "is_our_test", "shrink"]

_MOST_TRIALS = 400
_MOST_DECISIONS = 1 << 16
_MOST_ROUNDS = 4
_HEADER = '"""Found by a shadow simulation of workflow'


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smaller case, what it comes to, how many were tried, and its folder's files."""

    case: Case
    report: CycleReport
    trials: int
    files: Mapping[str, bytes]


def shrink(case: Case, *, runner: str = RUNNER) -> Shrunk | None:
    """Make a case smaller; ``None`` if it does not mismatch on its own.

    Raises as ``reproduce``.
    """
    with Trials(case, runner) as trials:
        first = trials.of(case.cycle).judged()
        if not first.is_mismatch:
            return None
        search = _Search(trials, case.cycle, first)
        search.run()
        small = with_cycle(case, search.best)
        return Shrunk(small, search.trial.report, trials.count, search.trial.files)


class _Search:
    """Keeps the best so far, and tries what is smaller."""

    def __init__(self, trials: Trials, cycle: Cycle, trial: Trial) -> None:
        self._trials = trials
        self._cause = trial.report.cause
        self.best = cycle
        self.trial = trial

    def run(self) -> None:
        """Until a round makes nothing smaller."""
        for _ in range(_MOST_ROUNDS):
            before = self.best
            self._fewer_differences()
            self._simpler_faults()
            self._less_schedule()
            self._less_input()
            if self.best == before:
                return

    def _holds(self, candidate: Cycle) -> bool:
        """Whether it mismatches for the same cause; if so it is the best."""
        if self._trials.count >= _MOST_TRIALS:
            return False
        try:
            trial = self._trials.of(candidate)
        except ShadowError:
            return False
        held = trial.is_mismatch and self._cause in (trial.report.cause, "combination")
        if held:
            self.best, self.trial = candidate, trial
            self._cause = trial.report.cause
        return held

    # faults and perturbations

    def _fewer_differences(self) -> None:
        cycle = self.best
        named = [name for name in cycle.perturbations if not name.startswith("schedule_")]
        found: list[Fault | str] = [*cycle.faults, *named]
        ddmin(found, lambda kept: self._holds(_only(cycle, kept)))

    def _simpler_faults(self) -> None:
        for index, fault in enumerate(self.best.faults):
            simple = {name: 1.0 for name in ("tries", "calls") if fault.numbers.get(name, 1) > 1}
            for smaller in (
                replace(fault, numbers={**fault.numbers, **simple}),
                replace(fault, at=0),
            ):
                faults = list(self.best.faults)
                if faults[index] != smaller:
                    faults[index] = smaller
                    self._holds(replace(self.best, faults=tuple(faults)))

    # schedule

    def _less_schedule(self) -> None:
        if "schedule" not in self.best.perturbations:
            return
        cycle = self.best
        most = cycle.perturbations.get("schedule_until", _MOST_DECISIONS)
        until = smallest(most, lambda n: self._holds(_scheduled(cycle, schedule_until=n)))
        if until is None:
            return
        cycle = _scheduled(cycle, schedule_until=until)
        fewest = smallest(until, lambda n: self._holds(_scheduled(cycle, schedule_since=until - n)))
        if fewest is not None:
            self._holds(_scheduled(cycle, schedule_since=until - fewest))

    # inputs

    def _less_input(self) -> None:
        for name in sorted(self.best.inputs):
            for smaller in _smaller(self.best.inputs[name]):
                if self._holds(replace(self.best, inputs={**self.best.inputs, name: smaller})):
                    break
            value = self.best.inputs[name]
            if isinstance(value, list) and len(value) > 1:
                ddmin(value, lambda kept, name=name: self._holds(self._given(name, kept)))  # type: ignore[misc]

    def _given(self, name: str, value: Any) -> Cycle:
        return replace(self.best, inputs={**self.best.inputs, name: value})


def _only(cycle: Cycle, kept: list[Fault | str]) -> Cycle:
    names = {item for item in kept if isinstance(item, str)}
    return replace(
        cycle,
        faults=tuple(item for item in kept if isinstance(item, Fault)),
        perturbations={
            name: value
            for name, value in cycle.perturbations.items()
            if name.partition("_")[0] in names
        },
    )


def _scheduled(cycle: Cycle, **limits: int) -> Cycle:
    return replace(cycle, perturbations={**cycle.perturbations, **limits})


def _smaller(value: Any) -> Iterator[Any]:
    """Simpler values of the same kind, the simplest first."""
    if isinstance(value, bool):
        if value:
            yield False
    elif isinstance(value, int):
        yield from dict.fromkeys(
            n for n in (0, 1, 2, value // 4, value // 2, value - 1) if 0 <= n < value
        )
    elif isinstance(value, float):
        yield from (n for n in (0.0, 1.0) if n != value)
    elif isinstance(value, str):
        yield from dict.fromkeys(t for t in ("", value[:1], value.partition(" ")[0]) if t != value)
    elif isinstance(value, dict) and value:
        yield {}


# as a test


def as_test(case: Case, report: CycleReport) -> str:
    """A pytest test that fails for as long as the case mismatches."""
    number = case.cycle.number
    cycle = pprint.pformat(case.cycle.to_json(), width=96, sort_dicts=False)
    return f'''{_HEADER} {case.cycle.workflow!r}: {report.cause}."""

from __future__ import annotations

from aos_workflow.testing import check_cycle

WORKFLOWS = {_workflows(case)!r}
CYCLE = {cycle}


def test_cycle_{number}() -> None:
    check_cycle(CYCLE, workflows=WORKFLOWS, hash_seed={case.hash_seed})
'''


def is_our_test(text: str) -> bool:
    """Whether ``as_test`` wrote it."""
    return text.startswith(_HEADER)


def _workflows(case: Case) -> list[str]:
    """As they are named where the test will be run: of files below the start folder, no more than the way from it."""
    start = f"{case.imports.start}{os.sep}" if case.imports else None
    return [name.removeprefix(start) if start else name for name in case.campaign.workflows]

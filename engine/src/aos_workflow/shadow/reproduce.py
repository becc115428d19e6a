"""Seeing a mismatch again: alone in fresh processes, and if that is not enough, after what ran before it there."""

from __future__ import annotations

from dataclasses import dataclass

from aos_workflow.shadow.case import Case
from aos_workflow.shadow.records import CycleReport
from aos_workflow.shadow.trials import RUNNER, Trials

__all__ = ["Reproduction", "reproduce"]


@dataclass(frozen=True, slots=True)
class Reproduction:
    """``seen`` is whether it mismatches again; ``before`` how many cycles had to run before it for that."""

    seen: bool
    report: CycleReport
    before: int
    is_same_code: bool


def reproduce(case: Case, *, runner: str = RUNNER) -> Reproduction:
    """Run a case again.

    Raises:
        UsageError: its workflows cannot be loaded here.
        ShadowError: the processes do not start, or one ends in the cycle, or it cannot be judged.
    """
    number = case.cycle.number
    with Trials(case, runner) as trials:
        same_code = case.fingerprint in ("", trials.fingerprint)
        trial = trials.of(case.cycle).judged()
        first = case.before[0]
        if trial.is_mismatch or first == number:
            return Reproduction(trial.is_mismatch, trial.report, 0, same_code)
        after = trials.of(case.cycle, first).judged()
        before = number - first if after.is_mismatch else 0
        return Reproduction(after.is_mismatch, after.report, before, same_code)

"""The end of a recording: repeats, then one commit by one process, golden by golden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from pytest_aos_golden.ledger import Candidate, Ledger, Refusal
from pytest_aos_golden.repeating import Repeat
from pytest_aos_golden.settings import Settings
from pytest_aos_golden.staging import Staging
from pytest_aos_golden.summary import Committed

__all__ = ["Recording", "record"]

FIRST_REPEAT = 2


@dataclass
class Recording:
    """What became of the values that a run recorded."""

    committed: list[Committed] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def record(
    config: pytest.Config, settings: Settings, ledger: Ledger, staging: Staging, elapsed_s: float
) -> Recording:
    """Commit what passing tests staged and every repeat reproduced. A test has all its goldens committed, or none.

    ``elapsed_s`` is how long the first evaluation took.
    """
    done = Recording(refused=ledger.disagreements())
    candidates = list(_once_each(ledger.candidates()))
    for number in range(FIRST_REPEAT, settings.repeat + 1):
        candidates = _without(candidates, done.refused)
        if not candidates:
            break
        repeat = Repeat(config, staging, number=number, limit_s=settings.repeat_limit_s)
        done.refused += _explained(config, settings, repeat.refuse(candidates, elapsed_s))
    for entry, evaluation in _without(candidates, done.refused):
        target = settings.folder / evaluation.file
        try:
            staging.commit(evaluation.staged or "", target)
        except OSError as error:
            message = (
                f"cannot write {settings.shown(target)}: {error.strerror or error}",
                "  nothing was changed there",
            )
            done.refused.append(Refusal(entry.nodeid, evaluation.key, message, cause="write"))
        else:
            done.committed.append(Committed.of(evaluation))
    return done


def _explained(config: pytest.Config, settings: Settings, refused: list[Refusal]) -> list[Refusal]:
    """Refusals with the lines to blame."""
    if not settings.doctor_refused or not any(refusal.entries for refusal in refused):
        return refused
    from pytest_aos_golden.doctor import name_lines

    return name_lines(config, settings, refused)


def _once_each(candidates: Iterator[Candidate]) -> Iterator[Candidate]:
    """Each golden once: repeats of a test share theirs, and a test may name one twice."""
    seen: set[str] = set()
    for entry, evaluation in candidates:
        if evaluation.key not in seen:
            seen.add(evaluation.key)
            yield entry, evaluation


def _without(candidates: list[Candidate], refused: list[Refusal]) -> list[Candidate]:
    tests = {refusal.nodeid for refusal in refused}
    keys = {refusal.key for refusal in refused}
    return [
        (entry, evaluation)
        for entry, evaluation in candidates
        if entry.nodeid not in tests and evaluation.key not in keys
    ]

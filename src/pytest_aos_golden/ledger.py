"""The book of a run, kept by the process that reports: which test came to what, and what that means for its goldens.

Fed with pytest's own reports, which carry the comparisons of each test; so it is the same without workers, with
eight, and in the repeat of a recording.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pytest_aos_golden.evaluation import Evaluation, Status

__all__ = ["Ledger", "Refusal", "TestEntry"]


@dataclass
class TestEntry:
    """What is known of one test: only its last attempt counts, but no attempt's failed comparison is forgotten."""

    __test__ = False

    nodeid: str
    key: str
    location: tuple[str, int | None, str]
    evaluations: list[Evaluation] = field(default_factory=list)
    attempts: int = 0
    failed: bool = False
    finished: bool = False

    @property
    def passed(self) -> bool:
        """Set-up, call and teardown all passed, without skip or xfail."""
        return self.finished and not self.failed


@dataclass(frozen=True)
class Refusal:
    """A golden that will not be committed, and why."""

    nodeid: str
    key: str
    message: tuple[str, ...]
    entries: tuple[dict[str, Any], ...] = ()
    cause: str | None = None


class Ledger:
    """All tests of a run that were reported."""

    def __init__(self) -> None:
        self.tests: dict[str, TestEntry] = {}
        """Tests that compared something."""
        self.passed_keys: set[str] = set()
        """Keys of the tests that passed, with or without goldens."""
        self.used_files: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []
        self._running: dict[str, TestEntry] = {}

    def note_report(self, report: Any) -> None:
        """Enter one report of one phase of one test."""
        entry = self._running.get(report.nodeid)
        if report.when == "setup":
            if entry is None:
                entry = TestEntry(report.nodeid, report.nodeid, report.location)
                self._running[report.nodeid] = entry
            entry.attempts += 1
            entry.evaluations = []
            entry.failed = entry.finished = False
        if entry is None:  # a report that some plugin made up
            return
        entry.failed = entry.failed or report.outcome != "passed" or hasattr(report, "wasxfail")
        carried = getattr(report, "golden", None)
        if carried is not None:
            entry.key = carried["key"]
            for data in carried["evaluations"]:
                self._enter(entry, Evaluation.from_json(data))
        if report.when == "teardown":
            entry.finished = True
            self._close(entry)

    def _enter(self, entry: TestEntry, evaluation: Evaluation) -> None:
        entry.evaluations.append(evaluation)
        self.counts[evaluation.status] += 1
        self.used_files.add(evaluation.file)
        if evaluation.note:
            self.notes.append(evaluation.note)

    def _close(self, entry: TestEntry) -> None:
        del self._running[entry.nodeid]
        if entry.passed:
            self.passed_keys.add(entry.key)
        if entry.evaluations or entry.nodeid in self.tests:
            self.tests[entry.nodeid] = entry

    # what follows

    def candidates(self) -> Iterator[tuple[TestEntry, Evaluation]]:
        """What passing tests staged, in the order of the tests' ids."""
        for nodeid in sorted(self.tests):
            entry = self.tests[nodeid]
            if entry.passed:
                for evaluation in entry.evaluations:
                    if evaluation.status == Status.STAGED:
                        yield entry, evaluation

    def disagreements(self) -> list[Refusal]:
        """Goldens for which two tests, or two repeats of one, staged different values."""
        first: dict[str, tuple[TestEntry, Evaluation]] = {}
        refused: list[Refusal] = []
        for nodeid in sorted(self.tests):
            entry = self.tests[nodeid]
            for evaluation in entry.evaluations:
                if evaluation.hash is None:
                    continue
                earlier = first.setdefault(evaluation.key, (entry, evaluation))
                if earlier[1].hash != evaluation.hash:
                    message = (
                        f"two values for one golden, {evaluation.key}",
                        f"  {earlier[0].nodeid}: {_hash(earlier[1])}",
                        f"  {entry.nodeid}: {_hash(evaluation)}",
                    )
                    refused.append(Refusal(entry.nodeid, evaluation.key, message))
        return refused

    def failures(self) -> Iterator[tuple[TestEntry, Evaluation]]:
        """Every failed comparison, in the order of the tests' ids."""
        for nodeid in sorted(self.tests):
            entry = self.tests[nodeid]
            for evaluation in entry.evaluations:
                if evaluation.failed:
                    yield entry, evaluation

    def dead_rules(self, ini_rules: tuple[str, ...], *, complete: bool) -> list[tuple[str, str]]:
        """Rules that matched nothing, as (where, rule): of a test, if all its uses of a golden gave no hit; of the
        ini file, if no comparison of a complete run gave one."""
        ini_hits = Counter(dict.fromkeys(ini_rules, 0))
        own: dict[tuple[str, str], int] = {}
        for entry in self.tests.values():
            for evaluation in entry.evaluations:
                for rule, hits in evaluation.hits.items():
                    if rule in evaluation.own_rules:
                        place = (evaluation.key, rule)
                        own[place] = own.get(place, 0) + hits
                    elif rule in ini_hits:
                        ini_hits[rule] += hits
        dead = [("golden_rules", rule) for rule, hits in ini_hits.items() if not hits and complete]
        return dead + [place for place, hits in sorted(own.items()) if not hits]


def _hash(evaluation: Evaluation) -> str:
    return (evaluation.hash or "?")[:16]

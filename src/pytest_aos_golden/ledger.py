"""The book of a run, kept by the process that reports: which test came to what, and what that means for its goldens.

Fed with pytest's own reports, which carry the comparisons of each test; so it is the same without workers, with
eight, and in the repeat of a recording.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_aos_golden.evaluation import Evaluation, Status

__all__ = ["Candidate", "Ledger", "Refusal", "TestEntry"]

Location = tuple[str, int | None, str]


@dataclass(slots=True)
class TestEntry:
    """What is known of one test: only its last attempt counts, but no attempt's failed comparison is forgotten."""

    __test__ = False

    nodeid: str
    key: str
    location: Location
    evaluations: list[Evaluation] = field(default_factory=list)
    failed: bool = False
    finished: bool = False
    expected_to_fail: bool = False
    superseded: bool = False
    """A rerun plugin makes another attempt: this one is not the outcome."""

    @property
    def passed(self) -> bool:
        """Set-up, call and teardown all passed, without skip or xfail."""
        return self.finished and not self.failed


Candidate = tuple[TestEntry, Evaluation]
"""A staged value that may be committed, with its test."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A golden that will not be committed, and why."""

    nodeid: str
    key: str
    message: tuple[str, ...]
    entries: tuple[dict[str, Any], ...] = ()
    cause: str | None = None

    def with_lines(self, lines: tuple[str, ...]) -> Refusal:
        """The same, with more to say."""
        return replace(self, message=(*self.message, *lines))


class Ledger:
    """All tests of a run that were reported."""

    def __init__(self) -> None:
        self.tests: dict[str, TestEntry] = {}
        """Tests with a comparison that calls for something, by node id: all but those that only matched."""
        self.passed_keys: set[str] = set()
        """Keys of the tests that passed, with or without goldens."""
        self.used_files: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []
        self.examined: list[dict[str, Any]] = []
        """What the doctor found, test by test."""
        self.rule_hits: dict[tuple[str, str], int] = {}
        """How often each rule applied, by its origin and text. A rule of one comparison has the key as its origin."""
        self._running: dict[str, TestEntry] = {}
        self._failed_keys: set[str] = set()

    def note_report(self, report: Any) -> None:
        """Enter one report of one phase of one test. Set-up may be left out if it passed."""
        nodeid, when = report.nodeid, report.when
        entry = self._running.get(nodeid)
        if when == "setup":
            if entry is None:
                entry = self._running[nodeid] = TestEntry(nodeid, nodeid, report.location)
            else:  # another attempt
                entry.evaluations = []
                entry.failed = entry.superseded = False
        elif entry is None:
            if not hasattr(report, "golden"):  # a report that some plugin made up
                return
            entry = self._running[nodeid] = TestEntry(nodeid, nodeid, report.location)
        if report.outcome == "rerun":
            entry.superseded = True
        if report.outcome != "passed" or hasattr(report, "wasxfail"):
            entry.failed = True
            entry.expected_to_fail = hasattr(report, "wasxfail")
        carried = getattr(report, "golden", None)
        if carried is not None:
            del report.golden  # the terminal keeps every report to the end; this part has been read
            entry.key = carried["key"]
            if "doctor" in carried:
                self.examined.append({"test": nodeid, **carried["doctor"]})
            for data in carried["evaluations"]:
                self._enter(entry, Evaluation.from_json(data))
        if when == "teardown" and not entry.superseded:
            entry.finished = True
            self._close(entry)

    def _enter(self, entry: TestEntry, evaluation: Evaluation) -> None:
        if evaluation.status != Status.MATCHED:  # nothing more to say of it, and there may be many
            entry.evaluations.append(evaluation)
        for origin, rule, count in evaluation.hits:
            place = (origin or evaluation.key, rule)
            self.rule_hits[place] = self.rule_hits.get(place, 0) + count
        self.counts[evaluation.status] += 1
        self.used_files.add(evaluation.file)
        if evaluation.note:
            self.notes.append(evaluation.note)

    def _close(self, entry: TestEntry) -> None:
        """Enter a finished test. A node id may run more than once: then all its runs are one test."""
        del self._running[entry.nodeid]
        if entry.failed:
            self._failed_keys.add(entry.key)
            self.passed_keys.discard(entry.key)
        elif entry.key not in self._failed_keys:
            self.passed_keys.add(entry.key)
        earlier = self.tests.get(entry.nodeid)
        if earlier is not None:
            earlier.evaluations += entry.evaluations
            earlier.failed = earlier.failed or entry.failed
        elif entry.evaluations:
            self.tests[entry.nodeid] = entry

    # what follows

    def candidates(self) -> Iterator[Candidate]:
        """What passing tests staged, in the order of the tests' ids, unless a test that did not pass shares it."""
        tainted = {
            evaluation.key
            for entry in self.tests.values()
            if not entry.passed
            for evaluation in entry.evaluations
        }
        for nodeid in sorted(self.tests):
            entry = self.tests[nodeid]
            for evaluation in entry.evaluations:
                if evaluation.status == Status.STAGED and evaluation.key not in tainted:
                    yield entry, evaluation

    def disagreements(self) -> list[Refusal]:
        """Goldens for which two tests, or two repeats of one, gave different values."""
        first: dict[str, Candidate] = {}
        refused: list[Refusal] = []
        for nodeid in sorted(self.tests):
            entry = self.tests[nodeid]
            for evaluation in entry.evaluations:
                if evaluation.hash is None or evaluation.failed or not entry.passed:
                    continue
                earlier = first.setdefault(evaluation.key, (entry, evaluation))
                if earlier[1].hash != evaluation.hash:
                    message = (
                        "two values for one golden",
                        f"  {earlier[0].nodeid}: {_hash(earlier[1])}",
                        f"  {entry.nodeid}: {_hash(evaluation)}",
                    )
                    refused.append(Refusal(nodeid, evaluation.key, message, cause="flaky"))
        return refused

    def failures(self) -> Iterator[Candidate]:
        """Every failed comparison, in the order of the tests' ids; not of tests that were expected to fail."""
        for nodeid in sorted(self.tests):
            entry = self.tests[nodeid]
            for evaluation in entry.evaluations:
                if evaluation.failed and not entry.expected_to_fail:
                    yield entry, evaluation


def _hash(evaluation: Evaluation) -> str:
    return (evaluation.hash or "?")[:16]

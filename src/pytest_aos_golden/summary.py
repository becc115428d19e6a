"""What a run came to, once, for every reader: the terminal, the report files, the annotations of a CI system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_aos_golden.evaluation import Evaluation, Status
from pytest_aos_golden.ledger import Ledger, Refusal, TestEntry

if TYPE_CHECKING:
    import pytest

    from pytest_aos_golden.inventory import Unused

__all__ = ["Committed", "Failure", "Summary", "print_summary"]

_SHOWN = 20


@dataclass
class Committed:
    """A golden that was written."""

    key: str
    file: str
    kind: str
    """``new``, ``changed``, or ``damaged`` (written over a damaged one)."""
    hash: str | None
    message: tuple[str, ...]
    renamed_from: str | None = None

    @classmethod
    def of(cls, evaluation: Evaluation) -> Committed:
        return cls(
            evaluation.key,
            evaluation.file,
            evaluation.previous or "new",
            evaluation.hash,
            tuple(evaluation.message),
        )


@dataclass(frozen=True)
class Failure:
    """A comparison that failed, with the place of its test."""

    nodeid: str
    file: str
    line: int | None
    evaluation: Evaluation


@dataclass
class Summary:
    """The outcome of a run."""

    mode: str
    counts: Counter[str] = field(default_factory=Counter)
    committed: list[Committed] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)
    pruned: list[Unused] = field(default_factory=list)
    dead_rules: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fill(self, ledger: Ledger) -> None:
        """Take over what the ledger knows."""
        self.counts = Counter(ledger.counts)
        self.counts.pop(Status.STAGED, None)
        self.counts["recorded"] = len(self.committed)
        self.failures = [_failure(entry, e) for entry, e in ledger.failures()]
        self.notes += ledger.notes

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON data: the ``--golden-report`` format, version 1."""
        return {
            "format": "aos-golden-report/1",
            "mode": self.mode,
            "counts": {name: count for name, count in sorted(self.counts.items()) if count},
            "failures": [
                {
                    "test": failure.nodeid,
                    "file": failure.file,
                    "line": failure.line,
                    "key": failure.evaluation.key,
                    "golden": failure.evaluation.file,
                    "status": failure.evaluation.status,
                    "cause": failure.evaluation.cause,
                    "message": failure.evaluation.message,
                    "entries": failure.evaluation.entries,
                }
                for failure in self.failures
            ],
            "refused": [
                {
                    "test": refusal.nodeid,
                    "key": refusal.key,
                    "cause": refusal.cause,
                    "message": list(refusal.message),
                    "entries": list(refusal.entries),
                }
                for refusal in self.refused
            ],
            "recorded": [vars(item) | {"message": list(item.message)} for item in self.committed],
            "unused": [_unused(item) for item in self.unused],
            "pruned": [_unused(item) for item in self.pruned],
            "dead_rules": [{"where": where, "rule": rule} for where, rule in self.dead_rules],
            "notes": self.notes,
        }

    def annotations(self) -> Iterator[str]:
        """GitHub workflow commands, one for each failure."""
        for failure in self.failures:
            line = f",line={failure.line}" if failure.line is not None else ""
            text = _escape("\n".join(failure.evaluation.message))
            yield f"::error file={failure.file}{line},title=golden {failure.evaluation.status}::{text}"
        for refusal in self.refused:
            yield f"::error title=golden refused::{_escape(refusal.nodeid + chr(10) + chr(10).join(refusal.message))}"
        for item in self.unused:
            yield f"::warning title=golden unused::{_escape(f'{item.path.name}: {item.key}: {item.why}')}"


def _failure(entry: TestEntry, evaluation: Evaluation) -> Failure:
    file, line, _ = entry.location
    return Failure(entry.nodeid, file, None if line is None else line + 1, evaluation)


def _unused(item: Unused) -> dict[str, str]:
    return {"file": item.path.name, "key": item.key, "why": item.why}


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


_COLORS = {
    Status.MATCHED: "green",
    Status.UNCHANGED: "green",
    "recorded": "green",
    Status.OBSERVED: "green",
}


def print_summary(reporter: pytest.TerminalReporter, summary: Summary, *, strict: bool) -> None:
    """One line if all is well; a section if somebody has to do something."""
    counts = [(name, count) for name, count in sorted(summary.counts.items()) if count]
    counts += [("refused", len(summary.refused))] if summary.refused else []
    counts += [("unused", len(summary.unused))] if summary.unused else []
    counts += [("pruned", len(summary.pruned))] if summary.pruned else []
    if not counts and not summary.dead_rules and not summary.notes:
        return
    if summary.committed or summary.unused or summary.pruned or summary.dead_rules or summary.notes:
        reporter.section("goldens")
    for item in summary.committed[:_SHOWN]:
        verb = {"new": "recorded", "changed": "updated", "damaged": "replaced"}[item.kind]
        moved = f" (renamed from {item.renamed_from})" if item.renamed_from else ""
        reporter.write_line(f"{verb} {item.key}{moved}", green=True)
        for line in item.message:
            reporter.write_line(f"    {line}")
    _rest(reporter, len(summary.committed))
    for gone in summary.pruned[:_SHOWN]:
        reporter.write_line(f"deleted {gone.key}: {gone.why}", yellow=True)
    _rest(reporter, len(summary.pruned))
    for left in summary.unused[:_SHOWN]:
        reporter.write_line(f"unused {left.key}: {left.why}", red=strict, yellow=not strict)
    _rest(reporter, len(summary.unused))
    if summary.unused:
        reporter.write_line(
            "  next: pytest --golden-prune deletes unused goldens after a complete green run"
        )
    for where, rule in summary.dead_rules[:_SHOWN]:
        reporter.write_line(
            f"dead rule in {where}: {rule}: matched nothing", red=strict, yellow=not strict
        )
    for note in summary.notes[:_SHOWN]:
        reporter.write_line(f"note: {note}", yellow=True)
    text = ", ".join(f"{count} {name}" for name, count in counts)
    if text:
        bad = (
            summary.failures
            or summary.refused
            or (strict and (summary.unused or summary.dead_rules))
        )
        reporter.write_line(f"goldens: {text}", red=bool(bad), green=not bad)


def _rest(reporter: pytest.TerminalReporter, count: int) -> None:
    if count > _SHOWN:
        reporter.write_line(f"  ... and {count - _SHOWN} more")

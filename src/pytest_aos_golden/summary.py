"""What a run came to, once, for every reader: the terminal, the report files, the annotations of a CI system."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_aos_golden.evaluation import Evaluation, Status
from pytest_aos_golden.ledger import Ledger, Refusal, TestEntry

if TYPE_CHECKING:
    import pytest

    from pytest_aos_golden.inventory import Unreadable, Unused

__all__ = ["OF_THE_FOLDER", "Committed", "Failure", "Summary", "counted", "print_summary"]

OF_THE_FOLDER = ("unused", "pruned", "unreadable", "dead_rules")
"""What is counted beside the comparisons: fields of :class:`Summary`."""
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
    unreadable: list[Unreadable] = field(default_factory=list)
    dead_rules: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    examined: list[dict[str, Any]] = field(default_factory=list)
    """What the doctor found, for each test that it examined."""
    reports: list[str] = field(default_factory=list)
    """Report files that were written."""

    @property
    def folder_is_bad(self) -> bool:
        """Whether something is wrong with goldens or rules that no test stands for; ``--golden-verify`` fails then."""
        return bool(self.unused or self.unreadable or self.dead_rules)

    @property
    def verdict(self) -> str:
        """``PASS`` or ``FAIL``."""
        strict = self.mode == "verify" and self.folder_is_bad
        return "FAIL" if self.failures or self.refused or strict else "PASS"

    def fill(self, ledger: Ledger) -> None:
        """Take over what the ledger knows."""
        self.counts = Counter(ledger.counts)
        self.counts.pop(Status.STAGED, None)
        self.counts["recorded"] = len(self.committed)
        # Values that could not be compared, and values that were not committed: both are refused.
        self.counts[Status.REFUSED] += len(self.refused)
        self.failures = [_failure(entry, e) for entry, e in ledger.failures()]
        self.notes += ledger.notes
        self.examined = ledger.examined

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON data: the ``--golden-report`` format, version 1."""
        return {
            "format": "aos-golden-report/1",
            "verdict": self.verdict,
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
            "unreadable": [{"file": item.file, "why": item.why} for item in self.unreadable],
            "dead_rules": [{"where": where, "rule": rule} for where, rule in self.dead_rules],
            "notes": self.notes,
            **({"doctor": self.examined} if self.examined else {}),
        }

    def annotations(self, root: str, workspace: str) -> Iterator[str]:
        """GitHub workflow commands, one for each problem. Files are named from ``workspace``, the checkout."""

        def place(file: str) -> str:
            return os.path.relpath(os.path.join(root, file), workspace)  # noqa: PTH118 - may not be below

        for failure in self.failures:
            at = {"file": place(failure.file), "title": f"golden {failure.evaluation.status}"}
            if failure.line is not None:
                at["line"] = str(failure.line)
            yield _annotation("error", at, failure.evaluation.message)
        for refusal in self.refused:
            yield _annotation(
                "error", {"title": "golden refused"}, (refusal.nodeid, *refusal.message)
            )
        level = "error" if self.mode == "verify" else "warning"
        for item in self.unused:
            at = {"file": place(item.file), "title": "golden unused"}
            yield _annotation(level, at, (f"{item.key}: {item.why}",))
        for bad in self.unreadable:
            at = {"file": place(bad.file), "title": "golden unreadable"}
            yield _annotation(level, at, (bad.why,))
        for where, rule in self.dead_rules:
            yield _annotation(
                level, {"title": "dead golden rule"}, (f"{where}: {rule}: matched nothing",)
            )


def _failure(entry: TestEntry, evaluation: Evaluation) -> Failure:
    file, line, _ = entry.location
    return Failure(entry.nodeid, file, None if line is None else line + 1, evaluation)


def _unused(item: Unused) -> dict[str, str]:
    return {"file": item.file, "key": item.key, "why": item.why}


def _annotation(level: str, at: dict[str, str], lines: Sequence[str]) -> str:
    where = ",".join(f"{name}={_escaped_property(text)}" for name, text in at.items())
    return f"::{level} {where}::{_escaped(chr(10).join(lines))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


_VERBS = {"new": "recorded", "changed": "updated", "damaged": "replaced"}


def print_summary(reporter: pytest.TerminalReporter, summary: Summary) -> None:
    """One line if all is well; a section if somebody has to do something."""
    strict = summary.mode == "verify"
    if summary.committed or summary.pruned or summary.notes or summary.folder_is_bad:
        reporter.write_sep("=", "goldens")
    for item in summary.committed[:_SHOWN]:
        moved = f" (renamed from {item.renamed_from})" if item.renamed_from else ""
        reporter.write_line(f"{_VERBS[item.kind]} {item.key}{moved}", green=True)
        for line in item.message:
            reporter.write_line(f"    {line}")
    _rest(reporter, summary.committed)
    for gone in summary.pruned[:_SHOWN]:
        reporter.write_line(f"deleted {gone.key}: {gone.why}", yellow=True)
    _rest(reporter, summary.pruned)
    for left in summary.unused[:_SHOWN]:
        reporter.write_line(f"unused {left.key}: {left.why}", red=strict, yellow=not strict)
    _rest(reporter, summary.unused)
    if summary.unused:
        reporter.write_line(
            "  next: pytest --golden-prune deletes unused goldens after a complete green run"
        )
    for bad in summary.unreadable[:_SHOWN]:
        reporter.write_line(f"unreadable: {bad.why}", red=strict, yellow=not strict)
    _rest(reporter, summary.unreadable)
    for where, rule in summary.dead_rules[:_SHOWN]:
        reporter.write_line(
            f"dead rule in {where}: {rule}: matched nothing", red=strict, yellow=not strict
        )
    _rest(reporter, summary.dead_rules)
    for note in summary.notes[:_SHOWN]:
        reporter.write_line(f"note: {note}", yellow=True)
    _rest(reporter, summary.notes)
    _print_examined(reporter, summary.examined)
    for path in summary.reports:
        reporter.write_line(f"golden report: {path}")
    counts = {name: len(getattr(summary, name)) for name in OF_THE_FOLDER}
    text = ", ".join(counted({**dict(sorted(summary.counts.items())), **counts}))
    if text:
        bad_run = summary.verdict == "FAIL"
        reporter.write_line(f"goldens: {text}", red=bad_run, green=not bad_run)


def _print_examined(reporter: pytest.TerminalReporter, examined: list[dict[str, Any]]) -> None:
    if examined:
        count, ill = len(examined), sum(not each["healthy"] for each in examined)
        text = f"doctor: {count} test{'' if count == 1 else 's'} examined, {ill} to be changed"
        reporter.write_line(text, red=bool(ill), green=not ill)


def counted(counts: Mapping[str, int]) -> Iterator[str]:
    """``3 matched``, ``1 dead rule``: what there is of each, in words."""
    for name, count in counts.items():
        if count:
            words = name.replace("_", " ")
            yield f"{count} {words.removesuffix('s') if count == 1 else words}"


def _rest(reporter: pytest.TerminalReporter, items: Sequence[object]) -> None:
    if len(items) > _SHOWN:
        reporter.write_line(f"  ... and {len(items) - _SHOWN} more")

"""From what workers answer to what is counted: written so that a crash at any moment loses no finding.

First what was found, then the reports of what matched, then the journal's line, which alone makes it count. Each step
is whole or not at all, so one that failed (a full disk) is simply tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import orjson

from aos_workflow.shadow.findings import KEPT_WHOLE, Findings
from aos_workflow.shadow.folder import Folder
from aos_workflow.shadow.journal import Journal
from aos_workflow.shadow.pair import Done
from aos_workflow.shadow.records import CycleReport, Verdict
from aos_workflow.shadow.reports import Segments
from aos_workflow.shadow.shelf import Shelf
from aos_workflow.shadow.tally import Entry, Tally, entry_of

__all__ = ["Ledger"]

Answer = Mapping[str, Any]
Step = Callable[[], None]


class Ledger:
    """Everything in the folder that grows. One writer: the folder's lock is held."""

    def __init__(self, folder: Folder) -> None:
        """Open what is there, and cut off what does not count. Raises ShadowFolderError, OSError."""
        self._journal = Journal(folder.journal)
        sizes = self.tally.sizes
        self._findings = Findings(folder.mismatches, folder.reports, sizes)
        self._segments = Segments(folder.reports, sizes)
        self._shelf = Shelf(folder.golden)

    @property
    def tally(self) -> Tally:
        return self._journal.tally

    def prepare(
        self, done: Sequence[Done], elapsed_s: float
    ) -> tuple[list[CycleReport], list[Step]]:
        """The reports of batches, and the steps that make them count.

        Each step raises OSError if it failed, and has done nothing then.
        """
        answers = [[orjson.loads(answer) for answer in each.answers] for each in done]
        reports = [[CycleReport.from_json(a["report"]) for a in each] for each in answers]
        entries = [
            entry_of(each.batch.first, each.batch.end, found)
            for each, found in zip(done, reports, strict=True)
        ]
        flat = [answer for each in answers for answer in each]
        steps: list[Step] = [
            *self._saves(flat, entries),
            *self._keeps([a for a in flat if a["report"]["verdict"] == Verdict.MATCH]),
            partial(self._count, entries, elapsed_s),
            self._journal.compact,
        ]
        return [report for each in reports for report in each], steps

    def close(self) -> None:
        """Close every file."""
        for part in (self._journal, self._findings, self._segments):
            part.close()

    def _saves(self, answers: Sequence[Answer], entries: Sequence[Entry]) -> Iterator[Step]:
        """What was found: whole at first, one line each when there are many of the same."""
        by_number = {answer["report"]["number"]: answer for answer in answers}
        found = sorted((f for e in entries for f in e.findings), key=lambda f: f.number)
        nth: dict[tuple[str, ...], int] = {}
        lines = []
        for finding in found:
            answer = by_number[finding.number]
            nth[finding.key] = nth.get(finding.key, 0) + 1
            if self.tally.is_kept(finding, nth[finding.key], KEPT_WHOLE):
                yield partial(self._findings.save, answer["report"], answer.get("case") or {})
            else:
                lines.append(answer["report"])
        if lines:
            yield partial(self._findings.save_lines, lines)

    def _keeps(self, matched: Sequence[Answer]) -> Iterator[Step]:
        for answer in matched:
            if golden := answer.get("golden"):
                yield partial(self._shelf.put, answer["report"]["number"], golden.encode())
        if matched:
            lines = (orjson.dumps(a["report"], option=orjson.OPT_APPEND_NEWLINE) for a in matched)
            yield partial(self._segments.append, b"".join(lines))

    def _count(self, entries: Sequence[Entry], elapsed_s: float) -> None:
        sizes = dict((self._segments.size, self._findings.size))
        self._journal.append([replace(entry, sizes=sizes) for entry in entries], elapsed_s)

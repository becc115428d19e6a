"""What came of the cycles so far: which are done, how many of each verdict, and the groups of findings.

A journal writes it, a resumed run goes on from it, and a summary is made of it. Nothing in it depends on the order in
which batches end, or on who ran them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from aos_workflow.shadow.records import CycleReport, Verdict

__all__ = ["Entry", "Finding", "Group", "Tally", "entry_of"]

MAX_GROUPS = 500
"""Causes that are told apart. Beyond it, a finding counts in the group of its verdict alone."""
_DIGEST = 2**128


@dataclass(frozen=True, slots=True)
class Finding:
    """A cycle that did not match, as far as grouping goes."""

    number: int
    seed: int
    workflow: str
    verdict: Verdict
    cause: str
    place: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.verdict.value, self.workflow, self.cause, self.place)


@dataclass(frozen=True, slots=True)
class Entry:
    """One batch, as it counts. ``sizes`` are of the files that grow, once the batch's reports are in them."""

    first: int
    end: int
    matches: int
    findings: tuple[Finding, ...] = ()
    digest: int = 0  # over number and hash of every cycle; a sum, so that order does not matter
    sizes: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        data: dict[str, Any] = {"first": self.first, "end": self.end, "matches": self.matches}
        data |= {"digest": f"{self.digest:032x}", "sizes": dict(self.sizes)}
        if self.findings:
            data["findings"] = [asdict(finding) for finding in self.findings]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        """What ``to_json`` gave."""
        found = tuple(
            Finding(**{**each, "verdict": Verdict(each["verdict"])})
            for each in data.get("findings", ())
        )
        digest = int(data["digest"], 16)
        return cls(data["first"], data["end"], data["matches"], found, digest, data["sizes"])


def entry_of(first: int, end: int, reports: Sequence[CycleReport]) -> Entry:
    """How a batch with these reports counts."""
    found = tuple(_finding(report) for report in reports if report.verdict is not Verdict.MATCH)
    digest = sum(_digest(report) for report in reports) % _DIGEST
    return Entry(first, end, len(reports) - len(found), found, digest)


def _finding(report: CycleReport) -> Finding:
    divergence = report.divergence or {}
    place = str(divergence.get("skill") or divergence.get("step") or "")
    return Finding(
        number=report.number,
        seed=report.seed,
        workflow=report.workflow,
        verdict=report.verdict,
        cause=report.cause or "unknown",
        place=place,
    )


def _digest(report: CycleReport) -> int:
    text = f"{report.number} {report.verdict} {report.primary_hash}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


@dataclass(slots=True)
class Group:
    """Findings that are alike. ``number`` and ``seed`` are of the first of them."""

    verdict: str
    workflow: str
    cause: str
    place: str
    count: int = 0
    number: int = -1
    seed: int = 0

    def add(self, finding: Finding) -> None:
        """Count one more."""
        if self.number < 0 or finding.number < self.number:
            self.number, self.seed = finding.number, finding.seed
        self.count += 1


class Tally:
    """The sum of entries. One writer."""

    def __init__(self) -> None:
        self.matches = 0
        self.mismatches = 0
        self.errors = 0
        self.digest = 0
        self.elapsed_s = 0.0
        self.sizes: dict[str, int] = {}
        self._groups: dict[tuple[str, str, str, str], Group] = {}
        self._done_below = 0
        self._done_beyond: dict[int, int] = {}  # first of a batch → its end

    @property
    def cycles(self) -> int:
        return self.matches + self.mismatches + self.errors

    @property
    def done_below(self) -> int:
        """Every cycle below this number is done."""
        return self._done_below

    def end_of(self, number: int) -> int | None:
        """Where the batch that begins with this cycle ends, if it is counted and there is a gap before it."""
        return self._done_beyond.get(number)

    def groups(self) -> list[Group]:
        """The groups, the most numerous first."""
        return sorted(self._groups.values(), key=lambda group: (-group.count, group.number))

    def is_kept(self, finding: Finding, nth: int, limit: int) -> bool:
        """Whether the ``nth`` finding of its group in a batch is among the first ``limit``, or the lowest of all."""
        group = self._groups.get(self._key(finding))
        if group is None:
            return nth <= limit
        return group.count + nth <= limit or (nth == 1 and finding.number < group.number)

    def add(self, entry: Entry) -> None:
        """Count a batch that was not counted yet."""
        self.matches += entry.matches
        self.digest = (self.digest + entry.digest) % _DIGEST
        self.sizes = dict(entry.sizes)
        for finding in entry.findings:
            self._add_finding(finding)
        self._done_beyond[entry.first] = entry.end
        while (end := self._done_beyond.pop(self._done_below, None)) is not None:
            self._done_below = end

    def to_json(self) -> dict[str, Any]:
        """As a JSON object that ``from_json`` reads."""
        return {
            "matches": self.matches,
            "mismatches": self.mismatches,
            "errors": self.errors,
            "digest": f"{self.digest:032x}",
            "elapsed_s": self.elapsed_s,
            "sizes": self.sizes,
            "groups": [asdict(group) for group in self._groups.values()],
            "done_below": self._done_below,
            "done_beyond": sorted(self._done_beyond.items()),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Tally:
        """What ``to_json`` gave."""
        made = cls()
        made.matches, made.mismatches, made.errors = (
            data["matches"],
            data["mismatches"],
            data["errors"],
        )
        made.digest, made.elapsed_s = int(data["digest"], 16), data["elapsed_s"]
        made.sizes = dict(data["sizes"])
        for each in data["groups"]:
            group = Group(**each)
            made._groups[(group.verdict, group.workflow, group.cause, group.place)] = group
        made._done_below = data["done_below"]
        made._done_beyond = dict(data["done_beyond"])
        return made

    def _add_finding(self, finding: Finding) -> None:
        if finding.verdict is Verdict.MISMATCH:
            self.mismatches += 1
        else:
            self.errors += 1
        key = self._key(finding)
        self._groups.setdefault(key, Group(*key)).add(finding)

    def _key(self, finding: Finding) -> tuple[str, str, str, str]:
        if finding.key in self._groups or len(self._groups) < MAX_GROUPS:
            return finding.key
        return (finding.verdict.value, "", "other", "")

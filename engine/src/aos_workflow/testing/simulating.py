"""Whole simulations as tests: so many cycles, and what was found in them by cause."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from aos_workflow.errors import ShadowWorkerError
from aos_workflow.golden.atomic import write_atomic
from aos_workflow.shadow.case import placed
from aos_workflow.shadow.imports import Imports
from aos_workflow.shadow.pair import Lost, Pair
from aos_workflow.shadow.records import Campaign, CycleReport, Verdict
from aos_workflow.shadow.schedule import batches
from aos_workflow.shadow.side import SideSetup
from aos_workflow.testing.references import references_of

__all__ = ["Finding", "SimulationResult", "simulate"]

_RUNNER = "aos_workflow.assembly.cycles:runner"
_CASES_A_GROUP = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Mismatches of one cause in one workflow: how many, the first one, and the command that shows it again."""

    workflow: str
    cause: str
    count: int
    first: CycleReport
    command: str

    def __str__(self) -> str:
        return f"{self.count} x {self.cause} in {self.workflow}: {self.first.message}\n    {self.command}"


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """``findings`` by workflow and cause, and what could not be judged, in words."""

    cycles: int
    findings: tuple[Finding, ...]
    errors: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.findings and not self.errors

    def __str__(self) -> str:
        count = sum(finding.count for finding in self.findings)
        head = f"{self.cycles} cycles, {count} mismatches, {len(self.errors)} errors"
        return "\n".join([head, *map(str, self.findings), *self.errors])


def simulate(
    *workflows: object,
    cycles: int = 100,
    faults: str = "default",
    seed: int = 0,
    folder: Path | None = None,
) -> SimulationResult:
    """Simulate workflows in two other processes, one cycle after the other.

    ``workflows`` are workflows, scenarios or specs at the top level of a module, modules or their names, files or
    folders. Mismatches are written into ``folder``, the first few of each cause. Warnings and output of the workflows
    are not seen.

    Raises:
        ScenarioError: a workflow cannot be simulated, or no other process finds it.
        UsageError: a module cannot be loaded, or there is no such fault profile.
        ShadowError: the processes do not start, or end.
    """
    campaign = Campaign(seed, tuple(references_of(list(workflows))), faults)
    pair = Pair(SideSetup(campaign, _RUNNER, imports=Imports.of_process(installed=True)))
    collected = _Collected(folder)
    try:
        for batch in batches(seed, 0, cycles):
            outcome = pair.run(batch)
            if isinstance(outcome, Lost):
                raise outcome.error or ShadowWorkerError(outcome.reason)
            for answer in outcome.answers:
                collected.take(answer)
    finally:
        pair.close()
    return collected.result(cycles)


class _Collected:
    """What came of the cycles so far, by workflow and cause."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._groups: dict[tuple[str, str], list[CycleReport]] = {}
        self._errors: dict[str, None] = {}

    def take(self, answer: bytes) -> None:
        data = orjson.loads(answer)
        report = CycleReport.from_json(data["report"])
        if report.verdict is Verdict.ERROR:
            self._errors[f"cycle {report.number}: {report.message}"] = None
        elif report.verdict is Verdict.MISMATCH:
            group = self._groups.setdefault((report.workflow, report.cause or "unknown"), [])
            group.append(report)
            if self._folder is not None and len(group) <= _CASES_A_GROUP:
                _write(self._folder / f"cycle_{report.number}", data["case"])

    def result(self, cycles: int) -> SimulationResult:
        findings = [
            Finding(workflow, cause, len(reports), reports[0], self._command(reports[0]))
            for (workflow, cause), reports in self._groups.items()
        ]
        findings.sort(key=lambda found: (-found.count, found.first.number))
        return SimulationResult(cycles, tuple(findings), tuple(self._errors))

    def _command(self, report: CycleReport) -> str:
        folder = Path("DIR") if self._folder is None else self._folder
        return f"aos-workflow shadow reproduce {folder / f'cycle_{report.number}'}"


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    data = placed({name: text.encode() for name, text in files.items()}, folder)
    for name, content in data.items():
        write_atomic(folder / name, content, new_mode=0o777 if name.endswith(".sh") else 0o666)

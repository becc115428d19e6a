"""Everything about cycles inside of one process, as the port of the coordinator has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import orjson

from aos_workflow import __version__
from aos_workflow.golden.canonical import content_hash
from aos_workflow.shadow import comparing, cycle
from aos_workflow.shadow.attribution import cause_of
from aos_workflow.shadow.case import case_files, new_case, sealed_golden
from aos_workflow.shadow.imports import Imports
from aos_workflow.shadow.records import Campaign, Cycle, CycleReport, Side, SideResult, Verdict
from aos_workflow.shadow.scenarios import Programs
from aos_workflow.shadow.workflows import shipped

__all__ = ["CandidateRunner", "CycleRunner"]

_WARM_UP = Cycle(0, 0, "shadow_compute", {"tickers": ["AGL"], "start": 1.0}, (), {"schedule": 1})


class CycleRunner:
    """A :class:`~aos_workflow.shadow.runner.Runner` of real workflows."""

    def __init__(self, campaign: Campaign, programs: Programs) -> None:
        self._campaign = campaign
        self._programs = programs
        self._imports = (
            Imports.of_process()
        )  # once all is imported, and before a cycle moves the current folder
        self.fingerprint = content_hash([__version__, programs.fingerprint])

    def warm_up(self) -> None:
        """Import what cycles need, with a workflow that is not the user's."""
        for side in Side:
            cycle.run_side(_WARM_UP, side, shipped())

    def plan(self, number: int) -> Cycle:
        return cycle.plan(self._campaign, number, self._programs)

    def run_side(self, cycle_: Cycle, side: Side) -> SideResult:
        return cycle.run_side(cycle_, side, self._programs)

    def compare(self, cycle_: Cycle, primary: SideResult, shadow: SideResult) -> CycleReport:
        """What came of it; of a mismatch with its cause, for which the cycle is run again."""
        report = comparing.compare(cycle_, primary, shadow)
        if report.verdict is not Verdict.MISMATCH:
            return report
        return replace(report, cause=cause_of(cycle_, primary, report, self._programs))

    def golden(self, cycle_: Cycle, result: SideResult) -> bytes:
        return sealed_golden(cycle_, result)

    def case(
        self, cycle_: Cycle, primary: SideResult, shadow: SideResult, report: CycleReport
    ) -> Mapping[str, bytes]:
        case = new_case(cycle_, self._campaign, self.fingerprint, self._imports)
        return case_files(case, primary, shadow, report)


class CandidateRunner(CycleRunner):
    """A runner of cycles that lie in a folder, as ``N.json``; a number without a file is the campaign's cycle."""

    def __init__(self, campaign: Campaign, programs: Programs, folder: Path) -> None:
        super().__init__(campaign, programs)
        self._folder = folder

    def plan(self, number: int) -> Cycle:
        path = self._folder / f"{number}.json"
        if not path.exists():
            return super().plan(number)
        return Cycle.from_json(orjson.loads(path.read_bytes()))

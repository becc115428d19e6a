"""Cycles tried one at a time, each in two processes that begin afresh."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import orjson

from aos_workflow.errors import ShadowWorkerError
from aos_workflow.shadow.case import Case
from aos_workflow.shadow.pair import Lost, Pair
from aos_workflow.shadow.records import Cycle, CycleReport, Verdict
from aos_workflow.shadow.schedule import Batch
from aos_workflow.shadow.side import SideSetup

__all__ = ["RUNNER", "Trial", "Trials"]

RUNNER: Final = "aos_workflow.assembly.cycles:candidate_runner"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it, and of a mismatch the files of its folder."""

    report: CycleReport
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def is_mismatch(self) -> bool:
        return self.report.verdict is Verdict.MISMATCH

    def judged(self) -> Self:
        """Itself. Raises ShadowWorkerError if the sides could not be compared."""
        if self.report.verdict is Verdict.ERROR:
            raise ShadowWorkerError(f"the cycle cannot be judged: {self.report.message}")
        return self


class Trials:
    """Runs cycles under the hash seeds and with the workflows of a case, for as long as the block lasts."""

    def __init__(self, case: Case, runner: str = RUNNER) -> None:
        self._case = case
        self._runner = runner
        self.count = 0

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="aos-trials-")
        campaign = self._case.campaign
        setup = SideSetup(
            replace(campaign, workflows=(self._folder.name, *campaign.workflows)),
            self._runner,
            imports=self._case.imports,
        )
        self._pair = Pair(setup)
        try:
            self.fingerprint = self._pair.start(self._case.hash_seed)
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pair.close()
        self._folder.cleanup()

    def of(self, cycle: Cycle, before: int | None = None) -> Trial:
        """Run a cycle alone; or after those of the campaign from number ``before`` on.

        Raises:
            UsageError: the workflows cannot be loaded.
            ShadowError: the processes do not start, or one ends in the cycle.
        """
        self.count += 1
        path = Path(self._folder.name, f"{cycle.number}.json")
        path.write_bytes(orjson.dumps(cycle.to_json()))
        first = cycle.number if before is None else before
        outcome = self._pair.run(Batch(first, cycle.number + 1, self._case.hash_seed))
        if isinstance(outcome, Lost):
            raise outcome.error or ShadowWorkerError(outcome.reason)
        answer = orjson.loads(outcome.answers[-1])
        files = {name: text.encode() for name, text in answer.get("case", {}).items()}
        return Trial(CycleReport.from_json(answer["report"]), files)

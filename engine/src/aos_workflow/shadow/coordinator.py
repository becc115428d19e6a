"""One simulation from its first batch to its summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from aos_workflow.determinism import Clock, SystemClock
from aos_workflow.errors import AosError, ShadowChangedError, ShadowDiskError
from aos_workflow.shadow.bulletin import Bulletin, Observer
from aos_workflow.shadow.fleet import Fleet
from aos_workflow.shadow.folder import Folder, Settings
from aos_workflow.shadow.hook import NoHook, Teller
from aos_workflow.shadow.ledger import Ledger
from aos_workflow.shadow.pair import Done, Lost, Outcome
from aos_workflow.shadow.records import CycleReport, Verdict
from aos_workflow.shadow.status import State
from aos_workflow.shadow.summary import Summary
from aos_workflow.shadow.workload import Workload

__all__ = ["Coordinator", "Limits"]

_TOGETHER: Final = 32
"""Batches that are written together, if so many are there."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long it waits for what."""

    tick_s: float = 0.5
    status_s: float = 2.0
    drain_s: float = 30.0
    stall_s: float = 300.0
    disk_s: float = 900.0
    disk_retry_s: float = 1.0
    hook_s: float = 30.0


class Coordinator:
    """Gives batches to a fleet, and makes what comes back count. Used once, by one thread but for ``stop``."""

    def __init__(
        self,
        settings: Settings,
        folder: Folder,
        fleet: Fleet,
        *,
        observer: Observer,
        hook: Teller | None = None,
        fleet_name: str = "local",
        clock: Clock | None = None,
        limits: Limits | None = None,
    ) -> None:
        """``folder`` is held and ``fleet`` started by the caller, who ends both. Raises ShadowFolderError, OSError."""
        self._settings = settings
        self._folder = folder
        self._fleet = fleet
        self._clock = clock or SystemClock()
        self._limits = limits or Limits()
        self._ledger = Ledger(folder)
        self._workload = Workload(settings, self._ledger.tally)
        self._bulletin = Bulletin(
            settings,
            folder,
            self._ledger.tally,
            observer=observer,
            hook=hook or NoHook(),
            clock=self._clock,
            workers=fleet.workers,
            fleet=fleet_name,
            pids=fleet.pids,
        )
        self._in_flight = 0
        self._stop_reason: str | None = None

    def stop(self, reason: str) -> None:
        """Begin no more batches, end those that run, and write the summary; a second time, do not wait for those.

        May be called from a signal handler.
        """
        if self._stop_reason:
            self._limits = replace(self._limits, drain_s=0.0)
        self._stop_reason = self._stop_reason or reason

    def run(self) -> Summary:
        """Run to the end.

        Raises:
            AosError: it cannot go on. What was counted is in the folder, with a summary.
        """
        try:
            self._bulletin.show(State.RUNNING)
            self._loop()
        except AosError as error:
            self._finish(State.FAILED, error.code, error.message)
            raise
        finally:
            self._ledger.close()
        return self._finish(State.DONE, self._stop_reason or "target")

    def _finish(self, state: State, ended_by: str, problem: str | None = None) -> Summary:
        return self._bulletin.finish(state, ended_by, problem, self._limits.hook_s)

    def _loop(self) -> None:
        stopped_s: float | None = None
        while self._in_flight or self._workload.peek() is not None:
            if stopped_s is None and (self._stop_reason or self._is_over()):
                stopped_s = self._clock.monotonic()
                self._workload.stop()
            if stopped_s is not None and self._clock.monotonic() - stopped_s > self._limits.drain_s:
                self._bulletin.warn(
                    f"{self._in_flight} batches did not end in time and do not count"
                )
                return
            self._submit()
            self._take(self._outcomes())
            self._tick()

    def _submit(self) -> None:
        """Keep every worker busy, and some batches at hand for who is done first."""
        room = self._fleet.workers + max(1, self._fleet.workers // 4)
        while self._in_flight < room and (batch := self._workload.peek()) is not None:
            if self._workload.due_s(batch) > self._bulletin.elapsed_s:
                return
            self._fleet.submit(self._workload.take())
            self._in_flight += 1

    def _outcomes(self) -> list[Outcome]:
        """What has come; waits a little if nothing has."""
        found: list[Outcome] = []
        limit_s = self._limits.tick_s
        while len(found) < _TOGETHER and (outcome := self._fleet.next(limit_s)) is not None:
            found.append(outcome)
            limit_s = 0.0
        self._in_flight -= len(found)
        return found

    def _take(self, outcomes: Sequence[Outcome]) -> None:
        done = [outcome for outcome in outcomes if isinstance(outcome, Done)]
        if any(each.fingerprint != self._settings.fingerprint for each in done):
            raise ShadowChangedError(
                "the workflows' code was changed while the simulation ran",
                folder=str(self._folder.path),
                hint="aos-workflow shadow run",
            )
        if done:
            self._count(done)
        for outcome in outcomes:
            if isinstance(outcome, Lost):
                self._give_back(outcome)

    def _count(self, done: Sequence[Done]) -> None:
        reports, steps = self._ledger.prepare(done, self._bulletin.elapsed_s)
        for step in steps:
            self._until_written(step, reports)
        self._workload.done()
        self._bulletin.progress(reports)

    def _give_back(self, lost: Lost) -> None:
        if lost.error is not None:
            raise lost.error
        where = f"cycles from {lost.batch.first} on" if lost.at is None else f"cycle {lost.at}"
        self._bulletin.warn(f"{where}: {lost.reason}; run again")
        self._workload.give_back(lost)
        self._bulletin.lost = self._workload.lost

    def _until_written(self, step: Callable[[], None], reports: Sequence[CycleReport]) -> None:
        """Do a step again and again while it fails: the disk may get room."""
        until_s = self._clock.monotonic() + self._limits.disk_s
        while True:
            try:
                step()
                return
            except OSError as error:
                reason = error.strerror or str(error)
                if self._stop_reason or self._clock.monotonic() > until_s:
                    self._say_unwritten(reports)
                    raise ShadowDiskError(
                        f"cannot write: {reason}; what could not be written is not counted",
                        folder=str(self._folder.path),
                        hint=f"make room, then: aos-workflow shadow run --resume {self._folder.path}",
                    ) from None
                self._bulletin.stalled(f"cannot write: {reason}")
            time.sleep(self._limits.disk_retry_s)

    def _say_unwritten(self, reports: Sequence[CycleReport]) -> None:
        for report in reports:
            if report.verdict is not Verdict.MATCH:
                self._bulletin.warn(
                    f"not written: {report.verdict} in cycle {report.number} of {report.workflow}, seed {report.seed}"
                )

    def _tick(self) -> None:
        if self._in_flight and self._bulletin.silent_s > self._limits.stall_s:
            self._bulletin.stalled(f"no cycle has ended for {self._bulletin.silent_s:.0f} s")
        else:
            self._bulletin.tick(self._limits.status_s)

    def _is_over(self) -> bool:
        hours = self._settings.hours
        return hours is not None and self._bulletin.elapsed_s >= hours * 3600

"""What a simulation says while it runs and when it ends: to ``status.json``, to who watches, to the hook."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from aos_workflow.determinism import Clock, rfc3339
from aos_workflow.golden.atomic import write_atomic
from aos_workflow.shadow.folder import Folder, Settings
from aos_workflow.shadow.gauge import Gauge
from aos_workflow.shadow.hook import Teller
from aos_workflow.shadow.records import CycleReport, Verdict
from aos_workflow.shadow.status import State, Status, write_status
from aos_workflow.shadow.summary import Summary, command_of, summarize
from aos_workflow.shadow.tally import Tally

__all__ = ["Bulletin", "Observer"]


class Observer(Protocol):
    """Who watches. Nothing that it does may raise."""

    def reported(self, reports: Sequence[CycleReport]) -> None:
        """These cycles count now."""
        ...

    def ticked(self, status: Status) -> None:
        """How it goes; about every second."""
        ...

    def warned(self, text: str) -> None:
        """Something is wrong, and it goes on."""
        ...


class Bulletin:
    """The simulation as others see it. ``lost`` is how many batches had to be run again."""

    def __init__(
        self,
        settings: Settings,
        folder: Folder,
        tally: Tally,
        *,
        observer: Observer,
        hook: Teller,
        clock: Clock,
        workers: int,
        fleet: str,
        pids: Callable[[], tuple[int, ...]],
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._tally = tally
        self._observer = observer
        self._hook = hook
        self._clock = clock
        self._workers = workers
        self._fleet = fleet
        self._pids = pids
        self._begun_s = clock.monotonic() - tally.elapsed_s
        self._started_at = rfc3339(clock.now())
        self._gauge = Gauge(folder.path, tally.elapsed_s, tally.cycles)
        self._progress_s = self._shown_s = clock.monotonic()
        self._problem: str | None = None
        self.lost = 0

    @property
    def elapsed_s(self) -> float:
        """How long it has run, with the runs that this one resumes."""
        return self._clock.monotonic() - self._begun_s

    @property
    def silent_s(self) -> float:
        """How long no cycle has ended."""
        return self._clock.monotonic() - self._progress_s

    def progress(self, reports: Sequence[CycleReport]) -> None:
        """These cycles count now."""
        self._progress_s = self._clock.monotonic()
        self._problem = None
        self._observer.reported(reports)
        found = [report for report in reports if report.verdict is Verdict.MISMATCH]
        if found and len(found) == self._tally.mismatches:
            self._hook.tell(
                "mismatch", {"severity": "HIGH", **self._words(found[0]), **self._place()}
            )
            self.show(State.RUNNING)

    def tick(self, status_every_s: float) -> None:
        """Time has passed."""
        self._warn_of_hook()
        state = State.STALLED if self._problem else State.RUNNING
        if self._clock.monotonic() - self._shown_s >= status_every_s:
            self.show(state)
        else:
            self._observer.ticked(self._status(state))

    def warn(self, text: str) -> None:
        """Something is wrong, and it goes on."""
        self._observer.warned(text)

    def stalled(self, problem: str) -> None:
        """Something is wrong, and nothing goes on. Told once, until there is progress again."""
        if self._problem is None:
            self._observer.warned(problem)
            self._problem = problem
            self._hook.tell("stall", {"severity": "HIGH", "problem": problem, **self._place()})
        self.show(State.STALLED)

    def show(self, state: State, ended_by: str | None = None) -> Status:
        """Write the status, if that is possible, and show it."""
        self._shown_s = self._clock.monotonic()
        status = self._status(state, ended_by)
        self._write(status)
        self._observer.ticked(status)
        return status

    def _write(self, status: Status) -> None:
        with contextlib.suppress(OSError):
            write_status(self._folder.status, status)

    def finish(self, state: State, ended_by: str, problem: str | None, hook_s: float) -> Summary:
        """The end. Everything is written before the hook is waited for, at most that long."""
        self._problem = problem
        self._gauge.hurry()
        status = self.show(state, ended_by)
        facts = self._facts(state, ended_by)
        summary = self._summary(facts)
        severity = "INFO" if summary.passed and state is State.DONE else "HIGH"
        counts = {k: v for k, v in summary.result.items() if k != "campaign"}
        self._hook.tell("end", {"severity": severity, **facts, **counts, **self._place()})
        told = self._hook.close(hook_s)
        self._warn_of_hook()
        self._write(replace(status, hook=told or None))
        return self._summary({**facts, "hook": told})

    def _warn_of_hook(self) -> None:
        for failure in self._hook.failures():
            self._observer.warned(failure)

    def _summary(self, facts: Mapping[str, Any]) -> Summary:
        """Write the summary, if that is possible."""
        summary = summarize(self._settings, self._tally, self._folder.path, facts)
        with contextlib.suppress(OSError):
            data = json.dumps(summary.to_json(), indent=2) + "\n"
            write_atomic(self._folder.summary, data.encode())
        return summary

    def _facts(self, state: State, ended_by: str) -> dict[str, Any]:
        seconds = self.elapsed_s
        return {
            "state": state.value,
            "ended_by": ended_by,
            "problem": self._problem,
            "started_at": self._started_at,
            "ended_at": rfc3339(self._clock.now()),
            "elapsed_s": round(seconds, 3),
            "rate_per_s": round(self._tally.cycles / seconds, 1) if seconds > 0 else 0.0,
            "workers": self._workers,
            "fleet": self._fleet,
            "lost_batches": self.lost,
            "peak_memory_bytes": self._gauge.peak_bytes,
        }

    def _status(self, state: State, ended_by: str | None = None) -> Status:
        settings, tally, gauge, elapsed_s = self._settings, self._tally, self._gauge, self.elapsed_s
        gauge.read(elapsed_s, tally.cycles, (os.getpid(), *self._pids()))
        target_s = None if settings.hours is None else settings.hours * 3600
        return Status(
            state=state,
            cycles=tally.cycles,
            matches=tally.matches,
            mismatches=tally.mismatches,
            errors=tally.errors,
            rate_per_s=round(gauge.rate_per_s, 2),
            elapsed_s=round(elapsed_s, 3),
            updated_at=rfc3339(self._clock.now()),
            started_at=self._started_at,
            pid=os.getpid(),
            host=socket.gethostname(),
            workers=self._workers,
            fleet=self._fleet,
            target_cycles=settings.cycles,
            target_s=target_s,
            eta_s=_eta_s(tally.cycles, elapsed_s, gauge.rate_per_s, settings.cycles, target_s),
            silent_s=round(self.silent_s, 3),
            disk_free_bytes=gauge.disk_free_bytes,
            disk_used_bytes=gauge.disk_used_bytes,
            memory_bytes=gauge.memory_bytes,
            lost_batches=self.lost,
            first_mismatch=self._first_mismatch(),
            problem=self._problem,
            ended_by=ended_by,
            hook=self._hook.counts() or None,
            samples=gauge.samples,
        )

    def _first_mismatch(self) -> dict[str, Any] | None:
        groups = [g for g in self._tally.groups() if g.verdict == Verdict.MISMATCH.value]
        if not groups:
            return None
        first = min(groups, key=lambda group: group.number)
        known = {"cycle": first.number, "seed": first.seed, "workflow": first.workflow}
        return {**known, "cause": first.cause, "command": command_of(self._folder.path, first)}

    def _words(self, report: CycleReport) -> dict[str, Any]:
        """A mismatch, without a value out of a step unless that is allowed."""
        divergence: Mapping[str, Any] = report.divergence or {}
        words = {
            "cycle": report.number,
            "seed": report.seed,
            "workflow": report.workflow,
            "cause": report.cause,
            "divergence": {k: v for k, v in divergence.items() if k in ("step", "skill", "kind")},
            "primary_hash": report.primary_hash,
            "shadow_hash": report.shadow_hash,
            "command": f"aos-workflow shadow reproduce {self._folder.mismatches}/cycle_{report.number}",
        }
        if self._hook.detail:
            words |= {"divergence": dict(divergence), "message": report.message}
        return words

    def _place(self) -> dict[str, Any]:
        return {
            "folder": str(self._folder.path),
            "host": socket.gethostname(),
            "cycles": self._tally.cycles,
            "mismatches": self._tally.mismatches,
        }


def _eta_s(
    cycles: int, elapsed_s: float, rate_per_s: float, target: int | None, target_s: float | None
) -> float | None:
    """When it will be over, by whichever comes first; ``None`` if that cannot be known."""
    ends = []
    if target is not None and rate_per_s > 0:
        ends.append((target - cycles) / rate_per_s)
    if target_s is not None:
        ends.append(target_s - elapsed_s)
    return round(max(0.0, min(ends)), 1) if ends else None

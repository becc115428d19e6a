"""Primary and shadow as two processes that run batches one after the other, on one processor's worth of time."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from aos_workflow.errors import AosError, ShadowChangedError, ShadowWorkerError
from aos_workflow.shadow.records import Side
from aos_workflow.shadow.schedule import PRIMARY_HASH_SEED, Batch
from aos_workflow.shadow.side import SideLostError, SideProcess, SideSetup

__all__ = ["Done", "Lost", "Outcome", "Pair"]


@dataclass(frozen=True, slots=True)
class Done:
    """Every cycle of a batch was judged. ``answers`` are JSON: ``{"report", "golden"?, "case"?}``, one a cycle."""

    batch: Batch
    answers: tuple[bytes, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A batch that must be run again. ``at`` is the cycle in which a process ended, if it was in one.

    With ``error`` it makes no sense to try again.
    """

    batch: Batch
    reason: str
    at: int | None = None
    error: AosError | None = None


Outcome = Done | Lost


class Pair:
    """Two processes that are started when they are needed, and anew when one is lost or has the wrong hash seed."""

    def __init__(self, setup: SideSetup) -> None:
        self._setup = setup
        self._processes: list[SideProcess] = []  # primary and shadow; one while they start
        self._ready = False
        self._closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(process.pid for process in self._processes)

    def start(self, hash_seed: int) -> str:
        """Start both processes, and return the fingerprint of the code they run.

        Raises:
            UsageError: the campaign's workflows cannot be loaded.
            ShadowError: the processes do not start.
        """
        try:
            return self._sides(hash_seed)[0].fingerprint
        except SideLostError as error:
            raise ShadowWorkerError(f"a process ended while it started: {error.reason}") from None

    def run(self, batch: Batch) -> Outcome:
        """Run a batch. Nothing that processes can do makes this raise."""
        side, running = Side.PRIMARY, False
        try:
            primary, shadow = self._sides(batch.hash_seed)
            running = True
            first = primary.ask(batch.numbers, batch.given_up)
            side = Side.SHADOW
            answers = shadow.ask(batch.numbers, batch.given_up, first)
        except SideLostError as error:
            self._drop()
            inside = running and error.answered < len(batch.numbers)
            at = batch.first + error.answered if inside else None
            return Lost(batch, f"{side} process: {error.reason}", at)
        except AosError as error:
            self._drop()
            return Lost(batch, error.message, error=error)
        return Done(batch, tuple(answers), primary.fingerprint)

    def kill(self) -> None:
        """End both processes, whatever they do; what runs is lost. For another thread."""
        self._closed = True
        for process in tuple(self._processes):
            process.kill()

    def close(self) -> None:
        """End both processes."""
        self._closed = True
        self._drop()

    def _sides(self, hash_seed: int) -> tuple[SideProcess, SideProcess]:
        if self._ready and self._processes[1].hash_seed != hash_seed:
            self._drop()  # both: they must have read the same code
        if not self._ready:
            try:
                self._start(hash_seed)
            except BaseException:
                self._drop()
                raise
        primary, shadow = self._processes
        return primary, shadow

    def _start(self, hash_seed: int) -> None:
        for side, seed in ((Side.PRIMARY, PRIMARY_HASH_SEED), (Side.SHADOW, hash_seed)):
            self._processes.append(SideProcess(self._setup, side, seed))
        for process in self._processes:
            if self._closed:
                raise SideLostError("stopped")
            process.start()
        if len({process.fingerprint for process in self._processes}) > 1:
            raise ShadowChangedError("the workflows' code was changed while it was loaded")
        self._ready = True

    def _drop(self) -> None:
        for process in self._processes:
            with contextlib.suppress(OSError):
                process.close()
        self._processes, self._ready = [], False

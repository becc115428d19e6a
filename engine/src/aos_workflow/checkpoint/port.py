"""The port of checkpoint stores. One behavioural suite, ``tests/contract/test_stores.py``, holds for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

from aos_workflow.checkpoint.records import (
    Census,
    Checkpoint,
    Commit,
    Committed,
    Controls,
    Decision,
    NewRun,
    RunFilter,
    RunStatistics,
    SkillRow,
    SpecRow,
    StepRecord,
    Transition,
    WorkerRow,
)

__all__ = ["Store"]


class Store(Protocol):
    """Where runs are kept. Every method may raise StoreUnavailableError, after its retries.

    A method that returns has happened, whole and durably; one that raises StoreUnavailableError may have happened,
    and may be called again with the same arguments.
    """

    async def open(self) -> Self:
        """Connect and bring the schema up to date; done by itself at the first use. Raises MigrationError."""
        ...

    async def close(self) -> None:
        """Let go of every connection. What is under way is finished first."""
        ...

    # runs

    async def save_spec(self, spec: SpecRow) -> None:
        """Keep a version of a workflow; nothing happens if it is there."""
        ...

    async def load_spec(self, spec_hash: str) -> SpecRow | None:
        """A version of a workflow by its hash."""
        ...

    async def newest_spec(self, workflow_id: str) -> SpecRow | None:
        """The version of a workflow that was saved last."""
        ...

    async def create(self, run: NewRun) -> tuple[Checkpoint, bool]:
        """A new run and true; or the one that has its id or idempotency key already, and false.

        Raises:
            RunConflictError: the one that is there is of another workflow, spec, seed, input or tenant.
            PayloadTooLargeError: the input is beyond the limit.
        """
        ...

    async def load(self, run_id: str) -> Checkpoint | None:
        """A run with its step outputs, or ``None``."""
        ...

    async def load_head(self, run_id: str) -> Checkpoint | None:
        """A run without its step outputs, or ``None``."""
        ...

    async def load_steps(
        self, run_id: str, *, after: int = -1, limit: int | None = None
    ) -> tuple[StepRecord, ...]:
        """The committed steps of a run, by ``step_index``: those beyond ``after``, and at most ``limit``."""
        ...

    async def load_draws(self, run_id: str) -> bytes | None:
        """The draws of the last commit that gave the run up or ended it: those after its last step."""
        ...

    async def list_runs(self, which: RunFilter) -> tuple[Checkpoint, ...]:
        """Runs without their step outputs, newest change first."""
        ...

    async def statistics(self, workflow_id: str, *, since_s: float | None = None) -> RunStatistics:
        """What the runs of a workflow came to, or only those that were created at ``since_s`` or later."""
        ...

    async def delete(self, run_id: str, *, by: str) -> bool:
        """Remove a run that no worker has, with all that belongs to it. Raises RunLeasedError."""
        ...

    # going on with a run

    async def commit(self, commit: Commit) -> Committed:
        """Commit steps and state in one round trip, and renew the lease.

        A repetition of the last commit (same version, same steps) by the same owner counts as done.

        Raises:
            CheckpointVersionConflictError: the run is at another version, or somebody else's; nothing was written.
            PayloadTooLargeError: an output is beyond the limit; nothing was written.
        """
        ...

    async def claim(
        self, owner: str, *, queues: Sequence[str] = ("default",), limit: int = 1
    ) -> tuple[Checkpoint, ...]:
        """Take up to ``limit`` queued runs that are due, by priority and time. No run is given to two."""
        ...

    async def take(self, run_id: str, owner: str) -> Checkpoint:
        """Take one run that is queued, suspended, failed, or whose worker is dead.

        Raises:
            RunNotFoundError, RunLeasedError: there is none, or a live worker has it.
            RunStateError: it is over or quarantined.
        """
        ...

    async def transition(self, change: Transition) -> Checkpoint:
        """Change a run's state from outside; whoever had it is fenced off.

        Raises:
            RunNotFoundError, RunStateError: there is none, or its state does not allow that (``TRANSITIONS``).
            CheckpointVersionConflictError: it is at another version than expected.
        """
        ...

    async def request_cancel(self, run_id: str, *, by: str) -> Checkpoint:
        """Ask a run to end. One that nobody has is cancelled at once; a worker stops before its next step.

        Raises:
            RunNotFoundError, RunStateError: there is none, or it is over.
        """
        ...

    async def fork(self, run_id: str, new: NewRun, *, steps: int) -> Checkpoint:
        """A new run that has the first ``steps`` committed steps of another one.

        Raises:
            RunNotFoundError, RunConflictError: there is no such run, or the new id is taken.
            RunStateError: it has fewer steps.
        """
        ...

    # asking people

    async def ask(self, question: Decision, *, expires_in_s: float | None = None) -> Decision:
        """Put a question, once; later calls return it as it is now, ``expired`` when its time is over."""
        ...

    async def decide(
        self,
        run_id: str,
        name: str,
        *,
        decision: str,
        by: str,
        payload_json: bytes | None = None,
        step_path: str | None = None,
    ) -> Decision:
        """Answer the oldest open question of that name, and queue the run if it was suspended for it.

        Of a signal that nobody waits for yet, the answer is kept for who asks next.

        Raises:
            RunNotFoundError, RunStateError: no such run; or nothing of that name is open, or the run is over.
        """
        ...

    async def decisions(
        self,
        *,
        run_id: str | None = None,
        tenant_id: str | None = None,
        open_only: bool = False,
        limit: int = 100,
    ) -> tuple[Decision, ...]:
        """Questions and their answers, oldest first."""
        ...

    async def wake(self, run_id: str) -> bool:
        """Queue a run that is suspended though one of its questions is decided and not yet used; whether it was."""
        ...

    # workers

    async def join(self, worker: WorkerRow) -> None:
        """Make a worker known, alive from now on."""
        ...

    async def beat(self, worker_id: str, *, status: str = "running") -> bool:
        """Say that a worker is alive; false if it is not known (any more)."""
        ...

    async def leave(self, worker_id: str) -> int:
        """A worker is gone: what it still had is queued again. Returns how many runs."""
        ...

    async def workers(self) -> tuple[WorkerRow, ...]:
        """Every known worker, by id."""
        ...

    async def reap(self, *, silent_for_s: float = 180.0, limit: int = 500) -> tuple[str, ...]:
        """Queue again the runs of workers that were silent for so long, and of those that are not known.

        A run that was taken up ``max_attempts`` times without any progress fails instead (``WORKER_LOST``). Runs that
        are suspended for a question that is answered or expired are queued too. Returns the runs' ids.
        """
        ...

    # operators

    async def census(self, *, stale: int = 100) -> Census:
        """Runs that are not over; at most so many of the stale ones by name."""
        ...

    async def controls(self) -> Controls:
        """What is switched off now."""
        ...

    async def set_stop(self, stopped: bool, *, by: str, reason: str | None = None) -> Controls:
        """Stop the whole fleet before each next step, or let it go on; suspended runs are not resumed by it."""
        ...

    async def register_skills(self, skills: Sequence[SkillRow]) -> None:
        """Make skills known; whether they are enabled stays as it is."""
        ...

    async def set_skill(
        self,
        skill_id: str,
        *,
        enabled: bool,
        by: str,
        reason: str | None = None,
        version: str | None = None,
        unregistered: bool = False,
    ) -> int:
        """Switch a skill on or off, one version or all that are registered. Returns how many rows.

        ``unregistered`` switches off what nobody has registered yet, too: the skill, or its versions to come.

        Raises:
            SkillNotFoundError: it is not registered, and not to be switched off all the same.
        """
        ...

    async def skills(self) -> tuple[SkillRow, ...]:
        """Every known skill, by id and version."""
        ...

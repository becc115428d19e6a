"""One run in the memory of this process."""

from __future__ import annotations

from dataclasses import replace

from aos_workflow.checkpoint.records import Checkpoint, Commit, RunStatus, StepRecord, StepStatus
from aos_workflow.checkpoint.refusals import moved_on

__all__ = ["MemoryRun"]

_GIVEN_BACK = (RunStatus.QUEUED, RunStatus.SUSPENDED)


class MemoryRun:
    """One run; ``head`` is replaced with every change.

    A step's commit only moves ``version`` on; the head that it gives is made when somebody looks at it.
    """

    __slots__ = (
        "_head",
        "_next_index",
        "_updated_at_s",
        "draws",
        "last",
        "spent_cents",
        "steps",
        "version",
    )

    def __init__(self, head: Checkpoint) -> None:
        self._head = head
        self.version = head.version
        self._next_index = head.next_step_index
        self._updated_at_s = head.updated_at_s
        self.steps: dict[str, StepRecord] = {}
        self.draws: bytes | None = None
        self.last: Commit | None = None
        self.spent_cents = 0.0

    @property
    def head(self) -> Checkpoint:
        head = self._head
        if head.version != self.version:
            commit = self.last
            assert commit is not None
            head = self._head = replace(
                head,
                version=self.version,
                next_step_index=self._next_index,
                last_result_hash=commit.result_hash or head.last_result_hash,
                output_json=None,
                error_code=None,
                error_message=None,
                attempts=0,
                updated_at_s=self._updated_at_s,
            )
        return head

    @head.setter
    def head(self, head: Checkpoint) -> None:
        self._head = head
        self.version = head.version
        self._next_index = head.next_step_index

    def may_commit(self, commit: Commit) -> bool:
        head = self._head  # its owner and status are those of the last
        return (
            self.version == commit.expected_version
            and head.owner == commit.owner
            and head.status is RunStatus.RUNNING
        )

    @property
    def cancel_requested(self) -> bool:
        return self._head.cancel_requested

    def commit(self, commit: Commit, now_s: float) -> None:
        """Take in a commit that :meth:`may_commit`. Raises CheckpointVersionConflictError: a step is there already."""
        for step in commit.steps:
            known = self.steps.pop(step.step_path, None)  # a retried step comes last again
            if known is not None and known.status is not StepStatus.FAILED:
                self.steps[step.step_path] = known
                raise moved_on(commit)
        for step in commit.steps:
            self.steps[step.step_path] = step
            self.spent_cents += step.cost_cents
        if commit.status is RunStatus.RUNNING and commit.steps:
            self.version += 1
            self._next_index += len(commit.steps)
            self._updated_at_s = now_s
        else:
            self.head = _after(self.head, commit, now_s)
        self.last = commit
        if commit.status is not RunStatus.RUNNING:
            self.draws = commit.draws_json


def _after(head: Checkpoint, commit: Commit, now: float) -> Checkpoint:
    """The head after a commit."""
    goes_on = commit.status is RunStatus.RUNNING
    return replace(
        head,
        version=head.version + 1,
        status=commit.status,
        next_step_index=head.next_step_index + len(commit.steps),
        last_result_hash=commit.result_hash or head.last_result_hash,
        output_json=commit.output_json,
        reason=head.reason if goes_on else commit.reason,
        error_code=commit.error_code,
        error_message=commit.error_message,
        attempts=0 if commit.steps or commit.status in _GIVEN_BACK else head.attempts,
        owner=head.owner if goes_on else None,
        available_at_s=now + commit.delay_s
        if commit.status is RunStatus.QUEUED
        else head.available_at_s,
        updated_at_s=now,
        completed_at_s=now if commit.status.is_final else None,
    )

"""Queueing a run again, from every state in which that means something."""

from __future__ import annotations

from aos_workflow.checkpoint.limits import DEAD_AFTER_S
from aos_workflow.checkpoint.port import Store
from aos_workflow.checkpoint.records import Checkpoint, RunStatus, Transition
from aos_workflow.checkpoint.refusals import already_over, leased
from aos_workflow.engine.execution import RETRY

__all__ = ["queue_again"]

_RESUMABLE = (RunStatus.SUSPENDED, RunStatus.FAILED)


async def queue_again(store: Store, head: Checkpoint, *, by: str, now_s: float) -> Checkpoint:
    """Have a worker go on with a run: one that is suspended, failed, or whose worker is dead.

    One that is queued stays as it is. Of one that failed, what failed is done again; what is committed never is.

    Raises:
        RunLeasedError: a live worker has it.
        RunStateError: it is over or quarantined.
        CheckpointVersionConflictError: somebody moved it on meanwhile.
    """
    if head.status is RunStatus.QUEUED:
        return head
    if head.status is RunStatus.RUNNING:
        if await _is_alive(store, head.owner, now_s):
            raise leased(head)
    elif head.status not in _RESUMABLE:
        raise already_over(head, "be resumed")
    has_failed = head.status is RunStatus.FAILED
    change = Transition(
        head.run_id,
        RunStatus.QUEUED,
        by=by,
        reason=RETRY if has_failed else head.reason,
        expected_version=head.version,
        reset_attempts=has_failed,
    )
    return await store.transition(change)


async def _is_alive(store: Store, worker_id: str | None, now_s: float) -> bool:
    for worker in await store.workers():
        if worker.worker_id == worker_id:
            return now_s - worker.heartbeat_at_s < DEAD_AFTER_S
    return False

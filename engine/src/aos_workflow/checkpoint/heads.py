"""What a head is at its birth, and what follows from the rows that operators change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aos_workflow.checkpoint.records import TRANSITIONS, Checkpoint, NewRun, RunStatus, SkillRow

__all__ = ["ANY_VERSION", "disabled_skills", "new_head", "states_before", "worker_lost"]

ANY_VERSION = "*"
"""The version of a skill's row that is about all of them."""


def new_head(run: NewRun, now_s: float, epoch: int) -> Checkpoint:
    """The first head of a run."""
    is_taken = run.owner is not None
    return Checkpoint(
        run_id=run.run_id,
        workflow_id=run.workflow_id,
        spec_hash=run.spec_hash,
        seed=run.seed,
        input_json=run.input_json,
        tenant_id=run.tenant_id,
        mode=run.mode,
        status=RunStatus.RUNNING if is_taken else RunStatus.QUEUED,
        version=0,
        next_step_index=0,
        last_result_hash=None,
        output_json=None,
        reason=None,
        error_code=None,
        error_message=None,
        attempts=1 if is_taken else 0,
        max_attempts=run.max_attempts,
        owner=run.owner,
        cancel_requested=False,
        available_at_s=now_s + run.delay_s,
        created_at_s=now_s,
        updated_at_s=now_s,
        started_at_s=now_s if is_taken else None,
        completed_at_s=None,
        budget_cents=run.budget_cents,
        queue=run.queue,
        priority=run.priority,
        idempotency_key=run.idempotency_key,
        golden_uri=run.golden_uri,
        target_resource=run.target_resource,
        labels=dict(run.labels),
        parent_run_id=run.parent_run_id,
        parent_step_path=run.parent_step_path,
        forked_from_run_id=run.forked_from_run_id,
        forked_from_step=run.forked_from_step,
        epoch=epoch,
    )


def states_before(status: RunStatus) -> list[RunStatus]:
    """From which states somebody who does not have a run may bring it into another one. Only a worker runs it."""
    if status is RunStatus.RUNNING:
        return []
    return [old for old, new in TRANSITIONS.items() if status in new]


def disabled_skills(rows: Iterable[SkillRow]) -> Mapping[tuple[str, str | None], str]:
    """What :class:`Controls` says of skills, from their rows."""
    return {
        (row.skill_id, None if row.version == ANY_VERSION else row.version): row.disabled_reason
        or ""
        for row in rows
        if not row.enabled
    }


def worker_lost(attempts: int) -> str:
    """Why a run failed that no worker survived."""
    return f"its worker was lost {attempts} times; the limit is reached"

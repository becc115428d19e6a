"""Between our values and rows. JSON columns are of type json, which keeps text as it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from aos_workflow.checkpoint.postgres.texts import bytes_of
from aos_workflow.checkpoint.records import (
    Checkpoint,
    Decision,
    RunStatistics,
    RunStatus,
    SkillRow,
    SpecRow,
    StepRecord,
    StepStatus,
    WorkerRow,
)

__all__ = [
    "decision_of",
    "head_of",
    "skill_of",
    "spec_of",
    "statistics_of",
    "step_of",
    "worker_of",
]

Row = Mapping[str, Any]


def head_of(row: Row, epoch: int | None = None) -> Checkpoint:
    """A head, from the columns of ``statements.HEAD``."""
    cents = row["budget_cents"]
    return Checkpoint(
        run_id=row["run_id"],
        workflow_id=row["workflow_id"],
        spec_hash=row["spec_hash"],
        seed=row["seed"],
        input_json=row["input_json"].encode(),
        tenant_id=row["tenant_id"],
        mode=row["mode"],
        status=RunStatus(row["status"]),
        version=row["version"],
        next_step_index=row["next_step_index"],
        last_result_hash=row["last_result_hash"],
        output_json=bytes_of(row["output_json"]),
        reason=row["reason"],
        error_code=row["error_code"],
        error_message=row["error_message"],
        attempts=row["attempts"],
        max_attempts=row["max_attempts"],
        owner=row["lease_owner"],
        cancel_requested=row["cancel_requested"],
        available_at_s=row["available_at_s"],
        created_at_s=row["created_at_s"],
        updated_at_s=row["updated_at_s"],
        started_at_s=row["started_at_s"],
        completed_at_s=row["completed_at_s"],
        budget_cents=None if cents is None else float(cents),
        queue=row["queue"],
        priority=row["priority"],
        idempotency_key=row["idempotency_key"],
        golden_uri=row["golden_uri"],
        target_resource=row["target_resource"],
        labels=orjson.loads(row["labels"]),
        parent_run_id=row["parent_run_id"],
        parent_step_path=row["parent_step_path"],
        forked_from_run_id=row["forked_from_run_id"],
        forked_from_step=row["forked_from_step"],
        epoch=row["epoch"] if epoch is None else epoch,
    )


def step_of(row: Row) -> StepRecord:
    return StepRecord(
        step_path=row["step_path"],
        step_index=row["step_index"],
        step_id=row["step_id"],
        kind=row["kind"],
        status=StepStatus(row["status"]),
        skill_id=row["skill_id"],
        skill_version=row["skill_version"],
        input_hash=row["input_hash"],
        output_hash=row["output_hash"],
        output_json=bytes_of(row["output_json"]),
        step_hash=row["step_hash"],
        attempt=row["attempt"],
        cost_cents=row["cost_cents"],
        draws_json=bytes_of(row["draws_json"]),
        error_code=row["error_code"],
        error_message=row["error_message"],
        started_at_s=row["started_at_s"] or 0.0,
        completed_at_s=row["completed_at_s"],
        idempotency_key=row["idempotency_key"],
    )


def spec_of(row: Row) -> SpecRow:
    return SpecRow(
        row["spec_hash"], row["workflow_id"], row["spec_version"], row["spec_json"].encode()
    )


def statistics_of(workflow_id: str, rows: Sequence[Row]) -> RunStatistics:
    """Statistics, from one row for each status."""
    by_status = {RunStatus(row["status"]): row for row in rows}
    completed = by_status.get(RunStatus.COMPLETED)
    p50_s, p95_s, p99_s = (completed and completed["quantiles_s"]) or (None, None, None)
    return RunStatistics(
        workflow_id,
        {status: row["runs"] for status, row in by_status.items()},
        p50_s,
        p95_s,
        p99_s,
        cost_cents=round(sum(row["cents"] for row in rows), 4),
    )


def worker_of(row: Row) -> WorkerRow:
    return WorkerRow(
        worker_id=row["worker_id"],
        queues=tuple(row["queues"]),
        status=row["status"],
        heartbeat_at_s=row["heartbeat_at_s"],
        started_at_s=row["started_at_s"],
        running=row["running"],
        meta_json=row["meta"].encode(),
    )


def decision_of(row: Row) -> Decision:
    return Decision(
        run_id=row["run_id"],
        step_path=row["step_path"],
        kind=row["kind"],
        name=row["name"],
        request_json=row["request"].encode(),
        decision=row["decision"],
        payload_json=bytes_of(row["payload"]),
        decided_by=row["decided_by"],
        requested_at_s=row["requested_at_s"],
        decided_at_s=row["decided_at_s"],
        expires_at_s=row["expires_at_s"],
    )


def skill_of(row: Row) -> SkillRow:
    return SkillRow(
        skill_id=row["skill_id"],
        version=row["version"],
        side_effects=row["side_effects"],
        enabled=row["enabled"],
        disabled_reason=row["disabled_reason"],
        input_schema_json=bytes_of(row["input_schema"]),
        output_schema_json=bytes_of(row["output_schema"]),
    )

"""Records of the store as the API shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from aos_workflow.checkpoint.limits import DEAD_AFTER_S, UNRESPONSIVE_AFTER_S
from aos_workflow.checkpoint.records import (
    Checkpoint,
    Decision,
    RunStatus,
    SkillRow,
    StepRecord,
    WorkerRow,
)
from aos_workflow.determinism import rfc3339
from aos_workflow.logs import Mask

__all__ = [
    "approval_of",
    "end_of",
    "event_of",
    "run_detail_of",
    "run_of",
    "skill_of",
    "worker_of",
    "worker_state",
]

_OVER = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)


def at(time_s: float | None) -> str | None:
    return None if time_s is None else rfc3339(datetime.fromtimestamp(time_s, UTC))


def _message(message: str | None, mask: Mask) -> str | None:
    return None if message is None else mask.text(message)


def run_of(head: Checkpoint, mask: Mask) -> dict[str, Any]:
    return {
        "run_id": head.run_id,
        "workflow_id": head.workflow_id,
        "spec_hash": head.spec_hash,
        "tenant_id": head.tenant_id,
        "seed": head.seed,
        "status": head.status.value,
        "version": head.version,
        "steps": head.next_step_index,
        "attempts": head.attempts,
        "queue": head.queue,
        "priority": head.priority,
        "reason": head.reason,
        "error_code": head.error_code,
        "error_message": _message(head.error_message, mask),
        "workflow_hash": head.last_result_hash if head.status in _OVER else None,
        "owner": head.owner,
        "cancel_requested": head.cancel_requested,
        "labels": dict(head.labels),
        "parent_run_id": head.parent_run_id,
        "created_at": at(head.created_at_s),
        "updated_at": at(head.updated_at_s),
        "completed_at": at(head.completed_at_s),
    }


def run_detail_of(head: Checkpoint, mask: Mask) -> dict[str, Any]:
    return {
        **run_of(head, mask),
        "inputs": orjson.Fragment(head.input_json),
        "output": _json(head.output_json),
    }


def event_of(step: StepRecord, mask: Mask) -> dict[str, Any]:
    return {
        "index": step.step_index,
        "event": "step",
        "step_path": step.step_path,
        "step_id": step.step_id,
        "kind": step.kind,
        "status": step.status.value,
        "skill_id": step.skill_id,
        "attempts": step.attempt,
        "cost_cents": step.cost_cents,
        "input_hash": step.input_hash,
        "output_hash": step.output_hash,
        "output": _json(step.output_json),
        "error_code": step.error_code,
        "error_message": _message(step.error_message, mask),
    }


def end_of(head: Checkpoint, mask: Mask) -> dict[str, Any]:
    """The event after the last step of a run that is over."""
    return {
        "index": head.next_step_index,
        "event": "run_end",
        "status": head.status.value,
        "output": _json(head.output_json),
        "error_code": head.error_code,
        "error_message": _message(head.error_message, mask),
    }


def approval_of(question: Decision) -> dict[str, Any]:
    return {
        "run_id": question.run_id,
        "step_path": question.step_path,
        "kind": question.kind,
        "name": question.name,
        "request": _json(question.request_json),
        "decision": question.decision,
        "payload": _json(question.payload_json),
        "decided_by": question.decided_by,
        "requested_at": at(question.requested_at_s),
        "decided_at": at(question.decided_at_s),
        "expires_at": at(question.expires_at_s),
    }


def skill_of(row: SkillRow) -> dict[str, Any]:
    return {
        "skill_id": row.skill_id,
        "version": row.version,
        "side_effects": row.side_effects,
        "enabled": row.enabled,
        "disabled_reason": row.disabled_reason,
    }


def worker_state(row: WorkerRow, now_s: float) -> str:
    silent_s = now_s - row.heartbeat_at_s
    if silent_s > DEAD_AFTER_S:
        return "dead"
    return "unresponsive" if silent_s > UNRESPONSIVE_AFTER_S else "alive"


def worker_of(row: WorkerRow, runs: list[str], now_s: float) -> dict[str, Any]:
    return {
        "worker_id": row.worker_id,
        "state": worker_state(row, now_s),
        "queues": list(row.queues),
        "heartbeat_age_s": round(max(0.0, now_s - row.heartbeat_at_s), 3),
        "started_at": at(row.started_at_s),
        "running": row.running,
        "runs": runs,
    }


def _json(text: bytes | None) -> Any:
    return None if text is None else orjson.Fragment(text)

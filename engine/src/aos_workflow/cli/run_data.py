"""Runs, steps and results as JSON data: the same in every command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_workflow.checkpoint.records import Checkpoint, Decision, StepRecord
    from aos_workflow.engine import RunResult

__all__ = ["at", "decision_data", "result_data", "run_data", "shown_message", "step_data"]


def run_data(head: Checkpoint) -> dict[str, Any]:
    """A run without its outputs."""
    return {
        "run_id": head.run_id,
        "workflow_id": head.workflow_id,
        "spec_hash": head.spec_hash,
        "tenant_id": head.tenant_id,
        "seed": head.seed,
        "status": head.status.value,
        "version": head.version,
        "next_step_index": head.next_step_index,
        "last_result_hash": head.last_result_hash,
        "reason": head.reason,
        "error_code": head.error_code,
        "error_message": shown_message(head.error_message),
        "owner": head.owner,
        "attempts": head.attempts,
        "created_at": at(head.created_at_s),
        "updated_at": at(head.updated_at_s),
    }


def step_data(step: StepRecord) -> dict[str, Any]:
    """A committed step without its output."""
    return {
        "step_path": step.step_path,
        "step_index": step.step_index,
        "step_id": step.step_id,
        "kind": step.kind,
        "status": step.status.value,
        "skill_id": step.skill_id,
        "skill_version": step.skill_version,
        "attempts": step.attempt,
        "cost_cents": step.cost_cents,
        "input_hash": step.input_hash,
        "output_hash": step.output_hash,
        "started_at": at(step.started_at_s) if step.started_at_s else None,
        "completed_at": at(step.completed_at_s),
        "error_code": step.error_code,
        "error_message": shown_message(step.error_message),
    }


def result_data(result: RunResult) -> dict[str, Any]:
    """What came of a run, with its output."""
    return {
        "run_id": result.run_id,
        "workflow_id": result.workflow_id,
        "status": result.status.value,
        "workflow_hash": result.workflow_hash,
        "output": result.output,
        "cost_cents": result.cost_cents,
        "reason": result.reason,
        "error_code": result.error_code,
        "error_message": shown_message(result.error_message),
        "steps": [
            {
                "step_path": step.step_path,
                "status": step.status.value,
                "output_hash": step.output_hash,
            }
            for step in result.step_results
        ],
    }


def decision_data(question: Decision) -> dict[str, Any]:
    """A question to people and its answer."""
    from aos_workflow.golden.strict_json import loads

    return {
        "run_id": question.run_id,
        "step_path": question.step_path,
        "kind": question.kind,
        "name": question.name,
        "request": loads(question.request_json),
        "decision": question.decision,
        "decided_by": question.decided_by,
        "requested_at": at(question.requested_at_s),
        "decided_at": at(question.decided_at_s) if question.decided_at_s else None,
        "expires_at": at(question.expires_at_s) if question.expires_at_s else None,
    }


def shown_message(message: str | None) -> str | None:
    """The message of an error without the secrets of the environment."""
    if message is None:
        return None
    from aos_workflow import config
    from aos_workflow.logs import Mask

    return Mask(config.secrets()).text(message)


def at(time_s: float) -> str:
    """A time as RFC 3339."""
    from datetime import UTC, datetime

    from aos_workflow.determinism import rfc3339

    return rfc3339(datetime.fromtimestamp(time_s, UTC))

"""From the golden of a run to what a replay is served and compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aos_workflow.checkpoint.records import RunStatus, StepRecord, StepStatus
from aos_workflow.engine.payload import encode
from aos_workflow.errors import GoldenForeignError
from aos_workflow.golden import Event
from aos_workflow.golden.rules import NO_RULES

__all__ = ["RecordedRun", "recorded_run"]


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run as its golden has it. ``status`` is ``None`` if the golden ends before the run did."""

    run_id: str
    workflow_id: str
    spec_hash: str
    seed: int
    tenant_id: str
    inputs: Mapping[str, Any]
    steps: tuple[StepRecord, ...]
    step_inputs: Mapping[str, bytes]
    draws: Mapping[str, Any]
    repeats: frozenset[str]
    """The paths of the steps that had no side effects when they were recorded."""
    status: RunStatus | None
    error_code: str | None
    output: Any
    workflow_hash: str | None


def recorded_run(events: Sequence[Event], *, file: str = "") -> RecordedRun:
    """The run that these events are of.

    Raises:
        GoldenForeignError: they were not written by the engine.
    """
    try:
        return _recorded_run(events)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise GoldenForeignError(
            f"this golden cannot be replayed: it lacks {error}; it was not recorded by the engine",
            file=file,
            hint="record the run with WorkflowEngine(..., golden=GoldenRecorder(...))",
        ) from None


def _recorded_run(events: Sequence[Event]) -> RecordedRun:
    start = events[0].data
    steps = [event.data for event in events if event.event_type == "step"]
    end = events[-1].data if events[-1].event_type == "run_end" else None
    draws = dict((end or {}).get("draws", {}))
    for step in steps:
        draws.update(step.get("draws", {}))
    return RecordedRun(
        run_id=events[0].run_id,
        workflow_id=start["spec_id"],
        spec_hash=start["spec_hash"],
        seed=start["seed"],
        tenant_id=start["tenant_id"],
        inputs=start["inputs"],
        steps=tuple(_step(data) for data in steps),
        step_inputs={data["step_path"]: encode(data["input"], NO_RULES).json for data in steps},
        draws=draws,
        repeats=frozenset(step["step_path"] for step in steps if step.get("repeats")),
        status=RunStatus(end["status"]) if end else None,
        error_code=end.get("error_code") if end else None,
        output=end.get("output") if end else None,
        workflow_hash=end.get("workflow_hash") if end else None,
    )


def _step(data: Mapping[str, Any]) -> StepRecord:
    completed = data["status"] == StepStatus.COMPLETED
    return StepRecord(
        step_path=data["step_path"],
        step_index=data["index"],
        step_id=data["step_id"],
        kind=data["kind"],
        status=StepStatus(data["status"]),
        skill_id=data["skill_id"],
        skill_version=data["skill_version"],
        input_hash=data["input_hash"],
        output_hash=data["output_hash"],
        output_json=encode(data["output"], NO_RULES).json if completed else None,
        step_hash=data["step_hash"],
        cost_cents=data["cost_cents"],
        error_code=data.get("error_code"),
        error_message=data.get("error_message"),
    )

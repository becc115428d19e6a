"""What came of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aos_workflow.checkpoint.records import RunStatus, StepRecord, StepStatus
from aos_workflow.engine.payload import decode
from aos_workflow.errors import AosError, StepFailedError

__all__ = ["RunResult", "StepResult"]


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step that is over. ``index`` counts steps in program order, whatever order they ended in."""

    index: int
    step_path: str
    step_id: str
    status: StepStatus
    skill_id: str | None
    input_hash: str
    output_hash: str | None
    step_hash: str
    cost_cents: float
    attempts: int
    error_code: str | None
    error_message: str | None
    output_json: bytes | None = field(repr=False)

    @property
    def output(self) -> Any:
        """What the step gave, as JSON data; ``None`` if it gave nothing."""
        return None if self.output_json is None else decode(self.output_json)

    def content_hash(self) -> str | None:
        """The content hash of the output under the run's rules; the ``output_hash`` of the golden's event."""
        return self.output_hash

    @classmethod
    def of(cls, index: int, record: StepRecord) -> StepResult:
        return cls(
            index,
            record.step_path,
            record.step_id,
            record.status,
            record.skill_id,
            record.input_hash,
            record.output_hash,
            record.step_hash,
            record.cost_cents,
            record.attempt,
            record.error_code,
            record.error_message,
            record.output_json,
        )


@dataclass(frozen=True, slots=True)
class RunResult:
    """A run as it is now: over, suspended, or parked until ``resume_in_s``.

    ``workflow_hash`` is that of the whole run once it is over, ``None`` before. ``reason`` says why it waits.
    ``golden`` is where it was recorded, ``golden_error`` why it could not be.
    """

    run_id: str
    workflow_id: str
    spec_hash: str
    seed: int
    status: RunStatus
    output: Any = None
    workflow_hash: str | None = None
    step_results: tuple[StepResult, ...] = ()
    cost_cents: float = 0.0
    reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    golden: Path | None = None
    golden_error: AosError | None = None
    resume_in_s: float | None = None
    estimated_cents: float | None = None
    """Of a dry run: what the steps that were not executed would cost."""

    @property
    def ok(self) -> bool:
        return self.status is RunStatus.COMPLETED

    @property
    def errors(self) -> tuple[str, ...]:
        """Every failed step and the run's own error, in words, in program order."""
        failed = [
            f"{step.step_path}: {step.error_code}: {step.error_message}"
            for step in self.step_results
            if step.status is StepStatus.FAILED
        ]
        words = self.error_message or self.reason
        own = [f"{self.error_code}: {words}"] if self.error_code else []
        return (*failed, *(text for text in own if not any(text.endswith(f) for f in failed)))

    def raise_for_status(self) -> RunResult:
        """The result itself, if the run completed.

        Raises:
            StepFailedError: it failed, was cancelled, or waits; carries the run's error code.
        """
        if self.ok:
            return self
        what = self.error_message or self.reason or "no reason given"
        raise StepFailedError(
            f"run {self.run_id!r} is {self.status.value}: {what}",
            error_code=self.error_code or "EXECUTION_ERROR",
            run_id=self.run_id,
            hint=f"aos-workflow inspect --run {self.run_id}",
        )

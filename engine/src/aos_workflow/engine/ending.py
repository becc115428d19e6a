"""What a run is once an execution of it has ended. Pure: from the outcome and the steps to state and hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aos_workflow.checkpoint.records import RunStatus, StepRecord
from aos_workflow.engine.executor import describe
from aos_workflow.engine.outcome import (
    Cancelled,
    Completed,
    Diverged,
    Failed,
    Lost,
    Outcome,
    Parked,
    Suspended,
)
from aos_workflow.engine.payload import Payload, decode, encode
from aos_workflow.engine.program import Program
from aos_workflow.engine.result import StepResult
from aos_workflow.errors import CanonicalError, RunCancelledError
from aos_workflow.golden import Rules
from aos_workflow.golden.hashing import workflow_hash

__all__ = ["End", "end_of", "in_order", "results_in_order"]


@dataclass(frozen=True, slots=True)
class End:
    """State, output and hash of a run; ``workflow_hash`` only of one that is over."""

    status: RunStatus
    output: Payload | None = None
    workflow_hash: str | None = None
    reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    delay_s: float | None = None

    @property
    def plain_output(self) -> Any:
        return None if self.output is None else decode(self.output.json)

    def golden_data(self) -> dict[str, Any]:
        """What a golden says about the end of a run."""
        data: dict[str, Any] = {"workflow_hash": self.workflow_hash}
        if self.output is not None:
            data |= {"output": self.plain_output, "output_hash": self.output.hash}
        if self.error_code is not None:
            data["error_code"] = self.error_code
        return data


def end_of(
    spec_hash: str, seed: int, ordered: Sequence[StepRecord], outcome: Outcome, rules: Rules
) -> End:
    """What the run is now. ``ordered`` are its steps in program order.

    The output counts as one more step, so that a changed result is a changed hash.
    """
    match outcome:
        case Completed(output):
            try:
                return _over(spec_hash, seed, ordered, RunStatus.COMPLETED, encode(output, rules))
            except CanonicalError as error:
                code, message = describe(error)
                return end_of(spec_hash, seed, ordered, Failed(code, message), rules)
        case Failed(code, message):
            return _over(spec_hash, seed, ordered, RunStatus.FAILED, None, code, message)
        case Cancelled():
            words = (RunCancelledError.code, "cancelled on request")
            return _over(spec_hash, seed, ordered, RunStatus.CANCELLED, None, *words)
        case Suspended(reason, suspended_code):
            return End(RunStatus.SUSPENDED, reason=reason, error_code=suspended_code)
        case Parked(reason, delay_s):
            return End(RunStatus.QUEUED, reason=reason, delay_s=delay_s)
        case Diverged(error):
            code, message = describe(error)
            return End(RunStatus.QUARANTINED, error_code=code, error_message=message)
        case Lost():
            raise AssertionError("a lost run has no state of ours")


def _over(
    spec_hash: str,
    seed: int,
    ordered: Sequence[StepRecord],
    status: RunStatus,
    output: Payload | None,
    code: str | None = None,
    message: str | None = None,
) -> End:
    hashes = [step.step_hash for step in ordered]
    if output is not None:
        hashes.append(output.hash)
    whole = workflow_hash(
        spec_hash=spec_hash, seed=seed, step_hashes=hashes, status=status.value, error_code=code
    )
    return End(status, output, whole, None, code, message)


def in_order(steps: Mapping[str, StepRecord], program: Program) -> list[StepRecord]:
    """The steps of a run in program order."""
    return [steps[path] for path in sorted(steps, key=program.order)]


def results_in_order(ordered: Sequence[StepRecord]) -> tuple[StepResult, ...]:
    return tuple(StepResult.of(index, record) for index, record in enumerate(ordered))

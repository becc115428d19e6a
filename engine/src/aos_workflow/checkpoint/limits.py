"""How much a store takes, and how long it waits."""

from __future__ import annotations

from aos_workflow.checkpoint.records import Commit, NewRun
from aos_workflow.errors import PayloadTooLargeError

__all__ = [
    "DEAD_AFTER_S",
    "MAX_PAYLOAD_BYTES",
    "OUT_OF_ROW_BYTES",
    "UNRESPONSIVE_AFTER_S",
    "refuse_large",
    "refuse_large_input",
]

MAX_PAYLOAD_BYTES = 16 * 1024 * 1024
"""Of one input or output."""
OUT_OF_ROW_BYTES = 64 * 1024
"""A larger output is kept by its digest, once for each run that has it."""
UNRESPONSIVE_AFTER_S = 30.0
"""A worker that is silent for so long is shown as unresponsive."""
DEAD_AFTER_S = 180.0
"""A worker that is silent for so long is dead: its runs may be taken."""


def refuse_large(commit: Commit, limit: int) -> None:
    """Raises PayloadTooLargeError for the first output of a commit that is beyond the limit."""
    for step in commit.steps:
        if step.output_json is not None and len(step.output_json) > limit:
            raise _too_large(
                f"output of step {step.step_path!r}", commit.run_id, len(step.output_json), limit
            )
    if commit.output_json is not None and len(commit.output_json) > limit:
        raise _too_large("output", commit.run_id, len(commit.output_json), limit)


def refuse_large_input(run: NewRun, limit: int) -> None:
    """Raises PayloadTooLargeError if the input of a new run is beyond the limit."""
    if len(run.input_json) > limit:
        raise _too_large("input", run.run_id, len(run.input_json), limit)


def _too_large(what: str, run_id: str, size: int, limit: int) -> PayloadTooLargeError:
    return PayloadTooLargeError(
        f"{what} of run {run_id!r} has {size:,} bytes; the limit is {limit:,}",
        run_id=run_id,
        hint="keep it elsewhere, and pass its address; or raise the store's max_payload_bytes",
    )

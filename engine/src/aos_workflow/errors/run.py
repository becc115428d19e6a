"""Runs: steps that fail, replays that diverge."""

from __future__ import annotations

from typing import Any

from aos_workflow.errors.base import AosError

__all__ = [
    "DivergenceError",
    "ExternalCallBlockedError",
    "RunCancelledError",
    "RunError",
    "SeedMismatchError",
    "StepFailedError",
    "StepTimeoutError",
    "WorkflowNotFoundError",
]


class RunError(AosError):
    """What happens to a run. ``run_id`` and, where it is about one, ``step_path`` say where."""

    code = "RUN_ERROR"
    category = "run"

    def __init__(
        self,
        message: str,
        *,
        run_id: str | None = None,
        step_path: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.run_id = run_id
        self.step_path = step_path


class WorkflowNotFoundError(RunError):
    """No workflow of this name is known here."""

    code = "WORKFLOW_NOT_FOUND"


class SeedMismatchError(RunError):
    """A run is resumed or replayed with another seed than it was started with."""

    code = "SEED_MISMATCH"


class RunCancelledError(RunError):
    """The run was cancelled; no further step begins."""

    code = "RUN_CANCELLED"


class StepFailedError(RunError):
    """A step failed, after all its tries.

    ``error_code`` is that of the cause if it is one of ours, else ``EXECUTION_ERROR``; ``error_type`` the name of its
    class. Raised by ``ctx.step``, and the same on resume and replay.
    """

    code = "EXECUTION_ERROR"

    def __init__(
        self,
        message: str,
        *,
        error_code: str = "EXECUTION_ERROR",
        error_type: str | None = None,
        attempts: int = 1,
        run_id: str | None = None,
        step_path: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, run_id=run_id, step_path=step_path, hint=hint)
        self.error_code = error_code
        self.error_type = error_type
        self.attempts = attempts


class StepTimeoutError(RunError):
    """One try of a step, or a whole run, took longer than it may."""

    code = "STEP_TIMEOUT"
    retryable = True


class DivergenceError(RunError):
    """A run does not repeat what was recorded. The first difference, and nothing after it.

    ``kind`` is what differs (``step``, ``input``, ``output``, ``error``, ``draw``, ``cost``, ``missing``, ``extra``,
    ``result``, ``spec``); ``expected`` and ``got`` are hashes or short values; ``diffs`` path-level entries;
    ``file`` and ``line`` are where the step is called from, where that is known.
    """

    code = "REPLAY_DIVERGENCE"
    category = "replay"

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        expected: Any = None,
        got: Any = None,
        diffs: tuple[dict[str, Any], ...] = (),
        file: str | None = None,
        line: int | None = None,
        run_id: str | None = None,
        step_path: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, run_id=run_id, step_path=step_path, hint=hint)
        self.kind = kind
        self.expected = expected
        self.got = got
        self.diffs = diffs
        self.file = file
        self.line = line


class ExternalCallBlockedError(RunError):
    """A replay reached for the outside world: a socket, a name lookup, another process.

    ``event`` is the audit event, ``target`` what was asked for, ``site`` the file and line of the call.
    """

    code = "EXTERNAL_CALL"
    category = "replay"

    def __init__(
        self,
        message: str,
        *,
        event: str,
        target: str,
        site: str,
        run_id: str | None = None,
        step_path: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, run_id=run_id, step_path=step_path, hint=hint)
        self.event = event
        self.target = target
        self.site = site

"""Checkpoint stores."""

from __future__ import annotations

from aos_workflow.errors.base import AosError

__all__ = [
    "CheckpointVersionConflictError",
    "MigrationError",
    "PayloadTooLargeError",
    "RunConflictError",
    "RunLeasedError",
    "RunNotFoundError",
    "RunStateError",
    "StoreError",
    "StoreUnavailableError",
]


class StoreError(AosError):
    """What a checkpoint store cannot do. ``run_id`` is the run, where it is about one."""

    code = "STORE_ERROR"
    category = "store"

    def __init__(self, message: str, *, run_id: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.run_id = run_id


class RunNotFoundError(StoreError):
    """There is no run with this id, or it is another tenant's."""

    code = "RUN_NOT_FOUND"


class RunConflictError(StoreError):
    """A run with this id or idempotency key exists, and is of another workflow, spec, seed or input."""

    code = "RUN_CONFLICT"


class RunLeasedError(StoreError):
    """Another worker, alive, has the run."""

    code = "RUN_LEASED"
    retryable = True


class RunStateError(StoreError):
    """A run in this state does not allow that. The message names both."""

    code = "RUN_STATE"


class CheckpointVersionConflictError(StoreError):
    """Somebody else moved the run on: this worker no longer has it, and nothing of what it commits counts."""

    code = "CHECKPOINT_VERSION_CONFLICT"

    def __init__(
        self,
        message: str,
        *,
        run_id: str | None = None,
        expected_version: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(f"CheckpointVersionConflictError: {message}", run_id=run_id, hint=hint)
        self.expected_version = expected_version


class PayloadTooLargeError(StoreError):
    """An input or output beyond the store's limit; nothing of it was written."""

    code = "PAYLOAD_TOO_LARGE"


class StoreUnavailableError(StoreError):
    """The database cannot be reached, or did not answer in time, after every retry."""

    code = "STORE_UNAVAILABLE"
    retryable = True


class MigrationError(StoreError):
    """The schema is not the one that this version needs, or a migration was edited after it ran."""

    code = "MIGRATION"

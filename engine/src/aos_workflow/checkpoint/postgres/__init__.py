"""Checkpoints on PostgreSQL, by asyncpg (extra ``postgres``)."""

from __future__ import annotations

from aos_workflow.errors import UsageError

try:
    from aos_workflow.checkpoint.postgres.store import CheckpointStore
except ModuleNotFoundError as error:
    if error.name != "asyncpg":
        raise
    raise UsageError(
        "runs are kept in PostgreSQL, and its driver is not installed",
        hint="pip install 'aos-workflow[embedded]', which brings a PostgreSQL too; or 'aos-workflow[postgres]'",
    ) from None

__all__ = ["CheckpointStore"]

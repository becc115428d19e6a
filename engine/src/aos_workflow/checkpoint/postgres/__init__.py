"""Checkpoints on PostgreSQL, by asyncpg (extra ``postgres``)."""

from __future__ import annotations

from aos_workflow.checkpoint.postgres.store import CheckpointStore

__all__ = ["CheckpointStore"]

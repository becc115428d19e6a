"""The HTTP API, as the environment asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aos_workflow import config
from aos_workflow.assembly.engines import engine
from aos_workflow.assembly.policy import explained
from aos_workflow.checkpoint import CheckpointStore

if TYPE_CHECKING:
    from aos_workflow.engine import WorkflowEngine

__all__ = ["limits_shown", "serving_engine"]

_STATEMENT_S = 5.0
_TRIES = 3
"""A client that waits is told after a moment that the database is away, and asks again; a worker waits for it."""


def serving_engine(modules: Sequence[str], *, golden: Path | None = None) -> WorkflowEngine:
    """An engine that starts runs and executes none, over a store of little patience. Raises as ``engine``."""
    store = CheckpointStore(
        config.database_url(),
        statement_timeout_s=_STATEMENT_S,
        tries=_TRIES,
        application_name="aos-workflow serve",
    )
    return engine(modules, golden=golden, store=store)


def limits_shown() -> list[dict[str, Any]]:
    """Every limit in force, as JSON data. Raises UsageError."""
    return [{"name": row.name, "value": row.value, "source": row.source} for row in explained()]

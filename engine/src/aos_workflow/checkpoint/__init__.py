"""Checkpoints: how far every run has come, kept so that another process can go on.

Importing this package is cheap: a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_workflow.checkpoint.memory import MemoryStore
    from aos_workflow.checkpoint.port import Store
    from aos_workflow.checkpoint.postgres import CheckpointStore
    from aos_workflow.checkpoint.records import Checkpoint, RunFilter, RunStatus, StepRecord

__all__ = [
    "Checkpoint",
    "CheckpointStore",
    "MemoryStore",
    "RunFilter",
    "RunStatus",
    "StepRecord",
    "Store",
]

_HOMES = {
    "memory": "MemoryStore",
    "port": "Store",
    "postgres": "CheckpointStore",
    "records": "Checkpoint RunFilter RunStatus StepRecord",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)

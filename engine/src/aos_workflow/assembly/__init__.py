"""The composition root: the only package that names adapters and reads settings to choose between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aos_workflow.checkpoint.port import Store
    from aos_workflow.policies import EmergencyStop, PolicyEnforcer

__all__ = ["default_emergency", "default_policy", "default_store"]


def default_store(*, tries: int | None = None) -> Store:
    """The store that the environment asks for; opened at its first use. ``tries`` as CheckpointStore has them."""
    from aos_workflow.checkpoint import CheckpointStore

    return CheckpointStore() if tries is None else CheckpointStore(tries=tries)


def default_policy() -> PolicyEnforcer:
    """The limits that the environment asks for."""
    from aos_workflow.assembly.policy import policy

    return policy()


def default_emergency() -> EmergencyStop:
    """The switches of this process."""
    from aos_workflow.assembly.policy import emergency

    return emergency()

"""Limits that stop a run before it does harm: budgets, rates, and emergency stops.

Importing this package is cheap: a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_workflow.policies.emergency import EmergencyStop
    from aos_workflow.policies.enforcer import PolicyEnforcer
    from aos_workflow.policies.limits import DEFAULT_WORKFLOW_CEILING_CENTS, Limits, RateLimit
    from aos_workflow.policies.memory import MemoryBudgets
    from aos_workflow.policies.port import BudgetStore
    from aos_workflow.policies.postgres import PostgresBudgets
    from aos_workflow.policies.redis import RedisBudgets
    from aos_workflow.policies.values import (
        BudgetSnapshot,
        Charge,
        Reservation,
        RunScope,
    )

__all__ = [
    "DEFAULT_WORKFLOW_CEILING_CENTS",
    "BudgetSnapshot",
    "BudgetStore",
    "Charge",
    "EmergencyStop",
    "Limits",
    "MemoryBudgets",
    "PolicyEnforcer",
    "PostgresBudgets",
    "RateLimit",
    "RedisBudgets",
    "Reservation",
    "RunScope",
]

_HOMES = {
    "emergency": "EmergencyStop",
    "enforcer": "PolicyEnforcer",
    "limits": "DEFAULT_WORKFLOW_CEILING_CENTS Limits RateLimit",
    "memory": "MemoryBudgets",
    "port": "BudgetStore",
    "postgres": "PostgresBudgets",
    "redis": "RedisBudgets",
    "values": "BudgetSnapshot Charge Reservation RunScope",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)

"""The engine that workflows run on: durable, replayable, bound by policies.

Importing this package is cheap: a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_workflow.engine.code_workflow import Workflow, workflow
    from aos_workflow.engine.context import Approval, Context
    from aos_workflow.engine.engine import WorkflowEngine
    from aos_workflow.engine.executor import StepExecutor
    from aos_workflow.engine.group import Group
    from aos_workflow.engine.lineage import (
        Scope,
        current_scope,
        lineage_loop,
        program_order,
        scope,
    )
    from aos_workflow.engine.replaying import ReplayMode
    from aos_workflow.engine.result import RunResult, StepResult
    from aos_workflow.engine.retry import Retry
    from aos_workflow.engine.worker import Worker
    from aos_workflow.spec import StepSpec, WorkflowSpec

__all__ = [
    "Approval",
    "Context",
    "Group",
    "ReplayMode",
    "Retry",
    "RunResult",
    "Scope",
    "StepExecutor",
    "StepResult",
    "StepSpec",
    "Worker",
    "Workflow",
    "WorkflowEngine",
    "WorkflowSpec",
    "current_scope",
    "lineage_loop",
    "program_order",
    "scope",
    "workflow",
]

_HOMES = {
    "engine.context": "Approval Context",
    "engine.engine": "WorkflowEngine",
    "engine.executor": "StepExecutor",
    "engine.group": "Group",
    "engine.lineage": "Scope current_scope lineage_loop program_order scope",
    "engine.replaying": "ReplayMode",
    "engine.result": "RunResult StepResult",
    "engine.retry": "Retry",
    "engine.worker": "Worker",
    "engine.code_workflow": "Workflow workflow",
    "spec": "StepSpec WorkflowSpec",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"aos_workflow.{home}"), name)

"""Names for workflows by which other processes can load them."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

from aos_workflow.engine import Workflow, WorkflowSpec
from aos_workflow.errors import ScenarioError
from aos_workflow.shadow.scenarios import Scenario

__all__ = ["Simulated", "references_of"]

Simulated = Workflow | WorkflowSpec | Scenario | ModuleType | str | Path


def references_of(item: object) -> list[str]:
    """References to a workflow, a scenario, a module, or several of them: modules, files or folders, ``::`` and an id.

    Raises:
        ScenarioError: it is none of these, or stands where no other process finds it.
    """
    if isinstance(item, (list, tuple)):
        return [reference for each in item for reference in references_of(each)]
    if isinstance(item, (str, Path)):
        return [str(item)]
    if isinstance(item, ModuleType):
        return [_of_module(item)]
    if isinstance(item, Workflow):
        return [f"{_of_module(_home(item, item.id, item.function.__module__))}::{item.id}"]
    if isinstance(item, Scenario):
        return [f"{_of_module(_home(item, item.id, _name_of(item)))}::{item.id}"]
    if isinstance(item, WorkflowSpec):
        return [f"{_of_module(_home(item, item.workflow_id, None))}::{item.workflow_id}"]
    raise ScenarioError(
        f"{item!r} cannot be simulated",
        hint="give a workflow, a spec, a Scenario, a module or its name, or a list of such",
    )


def _name_of(scenario: Scenario) -> str | None:
    """The module in which a scenario most likely stands: that of a function in it."""
    for function in (scenario.inputs, scenario.answers):
        module = getattr(function, "__module__", None)
        if module is not None and not module.startswith("aos_workflow.shadow.scenarios"):
            return str(module)
    found = scenario.workflow
    return found.function.__module__ if isinstance(found, Workflow) else None


def _home(item: object, name: str, first: str | None) -> ModuleType:
    """The module at whose top level an object stands, the named one first."""
    others = sorted(each for each in sys.modules if each != first)
    for module_name in ([first] if first else []) + others:
        module = sys.modules.get(module_name)
        if module is not None and any(each is item for each in list(vars(module).values())):
            return module
    raise ScenarioError(
        f"{name!r} stands at the top level of no module, so the simulation's processes cannot load it",
        hint="define it in a module, not in a function",
    )


def _of_module(module: ModuleType) -> str:
    """Its name, if that finds the same file; else the file."""
    file = inspect.getsourcefile(module)
    try:
        spec = importlib.util.find_spec(module.__name__)
    except (ImportError, ValueError):
        spec = None
    if spec is not None and (file is None or spec.origin == file):
        return module.__name__
    if file is None:
        raise ScenarioError(f"module {module.__name__!r} has no file to load it from")
    return file

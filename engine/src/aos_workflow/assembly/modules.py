"""Workflows and skills out of modules and files that a user names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from aos_workflow.engine import Workflow
from aos_workflow.errors import UsageError
from aos_workflow.skills import Skill, SkillRegistry
from aos_workflow.spec import WorkflowSpec, load_spec_file

__all__ = ["Loaded", "load"]

_SPEC_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class Loaded:
    """What was found: every skill, in one registry, every workflow, and whatever else stands at the top level."""

    registry: SkillRegistry
    workflows: tuple[Workflow | WorkflowSpec, ...]
    items: tuple[object, ...] = ()


def load(names: Sequence[str]) -> Loaded:
    """Import modules (``package.module``), Python files and spec files, and take what stands at their top level.

    Raises:
        UsageError: one cannot be found or imported.
        SpecError: a spec file is not valid.
    """
    registry, workflows = SkillRegistry(), dict[int, Workflow | WorkflowSpec]()
    items: dict[int, object] = {}
    for name in names:
        if name.endswith(_SPEC_SUFFIXES):
            spec = load_spec_file(Path(name))
            workflows[id(spec)] = spec
            continue
        for item in vars(_module(name)).values():
            if isinstance(item, Skill):
                registry.register(item)
            elif isinstance(item, SkillRegistry):
                for each in item:
                    registry.register(each)
            elif isinstance(item, (Workflow, WorkflowSpec)):
                workflows[id(item)] = item
            else:
                items[id(item)] = item
    return Loaded(registry, tuple(workflows.values()), tuple(items.values()))


def _module(name: str) -> ModuleType:
    try:
        return _from_file(Path(name)) if name.endswith(".py") else _imported(name)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            f"{name} cannot be imported: {type(error).__name__}: {error}",
            hint=f"python -c 'import {Path(name).stem}' shows where",
        ) from error


def _imported(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")  # the current folder, as python -m has it
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and name.startswith(error.name):
            raise UsageError(
                f"there is no module {name!r}",
                hint="name a module that can be imported from here, or a .py, .yaml or .json file",
            ) from None
        raise


def _from_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UsageError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look there
    spec.loader.exec_module(module)
    return module

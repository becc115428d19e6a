"""Workflows written as data: specs, their references and their graph.

Importing this package is cheap: a name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from aos_workflow.errors import (
    ReferenceSyntaxError,
    RunInputsError,
    SpecError,
    SpecProblem,
    UnresolvedReferenceError,
)

if TYPE_CHECKING:
    from aos_workflow.spec.graph import Graph
    from aos_workflow.spec.loading import load_spec_file, parse_spec
    from aos_workflow.spec.models import InputSpec, RetrySpec, StepSpec, WorkflowSpec
    from aos_workflow.spec.references import Reference, escape, parse_template, references_in
    from aos_workflow.spec.resolving import (
        is_wanted,
        resolve,
        resolve_idempotency_key,
        resolve_inputs,
        resolve_outputs,
    )
    from aos_workflow.spec.validation import check_inputs, find_problems, spec_from_data

__all__ = [
    "Graph",
    "InputSpec",
    "Reference",
    "ReferenceSyntaxError",
    "RetrySpec",
    "RunInputsError",
    "SpecError",
    "SpecProblem",
    "StepSpec",
    "UnresolvedReferenceError",
    "WorkflowSpec",
    "check_inputs",
    "escape",
    "find_problems",
    "is_wanted",
    "load_spec_file",
    "parse_spec",
    "parse_template",
    "references_in",
    "resolve",
    "resolve_idempotency_key",
    "resolve_inputs",
    "resolve_outputs",
    "spec_from_data",
]

_HOMES = {
    "graph": "Graph",
    "loading": "load_spec_file parse_spec",
    "models": "InputSpec RetrySpec StepSpec WorkflowSpec",
    "references": "Reference escape parse_template references_in",
    "resolving": "is_wanted resolve resolve_idempotency_key resolve_inputs resolve_outputs",
    "validation": "check_inputs find_problems spec_from_data",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)

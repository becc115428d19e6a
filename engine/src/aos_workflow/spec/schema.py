"""What pydantic finds wrong with a document, in the words and codes of specs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from aos_workflow.spec.kinds import Kind
from aos_workflow.spec.models import SPEC_PROBLEMS, InputSpec, RetrySpec, StepSpec, WorkflowSpec
from aos_workflow.spec.problems import Finding, Path, meant, shown

__all__ = ["schema_findings"]

_FOUND_ELSEWHERE = (SPEC_PROBLEMS, "finite_number", "invalid-json-value")
_EXPECTED = {
    "string_type": "text",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "an object",
    "model_type": "an object",
    "tuple_type": "a list",
}
_BOUNDS = {
    "greater_than": "above {gt:,g}",
    "greater_than_equal": "{ge:,g} or more",
    "less_than_equal": "{le:,.0f} or less",
}
_SIZES = {
    "string_too_long": ("too-long", "at most {max_length:,} characters"),
    "string_too_short": ("too-short", "at least {min_length} character"),
    "too_long": ("too-many", "at most {max_length:,} items"),
    "too_short": ("too-few", "at least {min_length} item"),
}
_ID_RULE = "letters, digits, '_' and '-', at most 64 of them, the first no digit and no '-'"
_RULES = {
    "skill": f"one to four names with '.' between them; in a name {_ID_RULE}",
    "version": "letters, digits and '._+-', the first a letter or digit",
}
_OTHER_NAMES = {
    "id": "step_id",
    "name": "step_id",
    "uses": "skill",
    "action": "skill",
    "with": "inputs",
    "args": "inputs",
    "params": "inputs",
    "parameters": "inputs",
    "input": "inputs",
    "needs": "depends_on",
    "after": "depends_on",
    "if": "when",
    "condition": "when",
    "timeout": "timeout_s",
    "timeout_seconds": "timeout_s",
    "retries": "retry",
    "attempts": "max_attempts",
    "cost": "cost_cents",
    "budget": "budget_cents",
    "concurrency": "max_parallel",
    "parallel": "max_parallel",
    "output": "outputs",
}
"""What other tools call our fields."""


_KINDS = get_args(Kind)


def schema_findings(error: ValidationError, document: Any) -> Iterator[Finding]:
    """One finding for each of pydantic's errors, but for those that are found without it."""
    for details in error.errors(include_url=False):
        if details["type"] not in _FOUND_ELSEWHERE and not _counts_only_good_items(details):
            yield _finding(details, document)


def _counts_only_good_items(details: ErrorDetails) -> bool:
    """Whether pydantic calls a list too short because it did not count the items with errors of their own."""
    return details["type"] == "too_short" and bool(details["input"])


def _finding(details: ErrorDetails, document: Any) -> Finding:
    kind, context = details["type"], details.get("ctx", {})
    location = tuple(details["loc"])
    at_key = location[-1:] == ("[key]",)
    path = location[:-1] if at_key else location
    value: Any = path[-1] if at_key else details["input"]
    name = str(path[-1]) if path else ""
    if kind == "missing":
        return Finding(path[:-1], "missing-field", f'the field "{name}" is missing')
    if kind == "extra_forbidden":
        message = f"there is no field {shown(name)}{_meant(name, path[:-1])}"
        return Finding(path, "unknown-field", message, at_key=True)
    path = _existing(path, document)
    if kind in _EXPECTED:
        return Finding(path, "wrong-type", _about_type(_EXPECTED[kind], name, value))
    if kind in _BOUNDS:
        code = "negative-cost" if name.endswith("_cents") and value < 0 else "out-of-range"
        expected = _BOUNDS[kind].format_map(context)
        return Finding(path, code, f"expected {expected}, got {shown(value)}")
    if kind in _SIZES:
        code, size = _SIZES[kind]
        return Finding(path, code, f"expected {size.format_map(context)}")
    if kind == "string_pattern_mismatch":
        code = "bad-version" if name.endswith("version") else "bad-id"
        rule = _RULES.get(name.removeprefix("skill_"), _ID_RULE)
        return Finding(path, code, f"{shown(value)} is none: {rule}", at_key)
    if kind == "literal_error":
        near = meant(value, _KINDS) if isinstance(value, str) else ""
        expected = context["expected"]
        return Finding(path, "bad-value", f"expected {expected}, got {shown(value)}{near}")
    code = kind if "-" in kind else "bad-value"  # ours have a hyphen, pydantic's have none
    return Finding(path, code, details["msg"], at_key)


def _about_type(expected: str, name: str, value: Any) -> str:
    if value is None:
        return f"expected {expected}, got null; give a value, or leave the field out"
    is_quotable = expected == "text" and isinstance(value, (bool, int, float))
    number = " (1.10 would become 1.1)" if name.endswith("version") else ""
    hint = f"; put it in quotes{number}" if is_quotable else ""
    return f"expected {expected}, got {shown(value)}{hint}"


def _meant(name: str, above: Path) -> str:
    """What an unknown field may have been meant to be."""
    fields = _model_at(above).model_fields
    other = _OTHER_NAMES.get(name.lower())
    if other in fields:
        return f"; did you mean {shown(other)}?"
    return meant(name, fields)


def _model_at(path: Path) -> type[BaseModel]:
    if not path:
        return WorkflowSpec
    if path[0] == "inputs":
        return InputSpec
    return RetrySpec if path[-1] == "retry" else StepSpec


def _existing(path: Path, document: Any) -> Path:
    """As much of the path as the document has: pydantic also counts what a short spelling leaves out."""
    value = document
    for depth, part in enumerate(path):
        is_there = part in value if isinstance(value, dict) else isinstance(value, list)
        if not is_there or (isinstance(value, list) and not isinstance(part, int)):
            return path[:depth]
        value = value[part]
    return path

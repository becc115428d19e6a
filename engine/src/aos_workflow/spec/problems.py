"""What is wrong with a spec, before and after it is known where in the text that is.

A :class:`Finding` has a path; :func:`to_problems` adds line and column and makes the
:class:`~aos_workflow.errors.SpecProblem` that users see.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from aos_workflow.errors import SpecProblem
from aos_workflow.golden.paths import format_path
from aos_workflow.golden.secret_scan import redact
from aos_workflow.spec.limits import MAX_PROBLEMS

__all__ = [
    "Finding",
    "Locate",
    "Path",
    "Position",
    "kind_of",
    "meant",
    "shown",
    "sort_problems",
    "to_problems",
]

Path: TypeAlias = tuple[str | int, ...]
Position: TypeAlias = tuple[int, int]
"""Line and column, from 1; columns count characters."""

Locate: TypeAlias = Callable[[Path, bool], Position | None]
"""The position of the value at a path, or of its key when the second argument is true."""

_SHOWN = 60
_LENGTHS_APART = 4
_COMPARED = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem and its path. ``at_key`` says that the key is wrong, not the value.

    ``position`` is given where a path does not lead to it: a syntax error, the second of two equal keys.
    """

    path: Path
    code: str
    message: str
    at_key: bool = False
    severity: Literal["error", "warning"] = "error"
    position: Position | None = None


def to_problems(
    findings: Iterable[Finding], locate: Locate | None = None
) -> tuple[SpecProblem, ...]:
    """The findings with their positions, each once, in the order of their places.

    Beyond ``MAX_PROBLEMS`` the last one says that there are more.
    """
    problems = []
    for finding in dict.fromkeys(findings):
        position = finding.position
        if position is None and locate is not None:
            position = locate(finding.path, finding.at_key)
        line, column = position or (None, None)
        problems.append(
            SpecProblem(
                _place(finding.path), line, column, finding.code, finding.message, finding.severity
            )
        )
    return sort_problems(problems)


def sort_problems(problems: Iterable[SpecProblem]) -> tuple[SpecProblem, ...]:
    """The problems in the order of their places. When there are too many, warnings go first."""
    found = sorted(problems, key=lambda problem: (problem.severity == "warning", problem.order()))
    kept = sorted(found[:MAX_PROBLEMS], key=SpecProblem.order)
    if len(found) > MAX_PROBLEMS:
        message = f"there are more than the {MAX_PROBLEMS:,} problems above"
        kept.append(SpecProblem(".", None, None, "too-many-problems", message))
    return tuple(kept)


def _place(path: Path) -> str:
    return format_path([part if isinstance(part, int) else _shorten(redact(part)) for part in path])


def kind_of(value: object) -> str:
    """The kind of a JSON value with its article, or the Python type of anything else."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "text"
        case int():
            return "an integer"
        case float():
            return "a floating-point number"
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return f"a Python {type(value).__name__}"


def shown(value: Any) -> str:
    """A value as it may stand in a message: short, on one line, without credentials."""
    if not isinstance(value, (str, int, float)):
        return kind_of(value)
    try:
        text = json.dumps(redact(value) if isinstance(value, str) else value, ensure_ascii=False)
    except ValueError:  # more digits than Python writes
        return "a huge number"
    return _shorten(text.encode("utf-8", "backslashreplace").decode())


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def meant(name: str, known: Iterable[object]) -> str:
    """``; did you mean "x"?`` when a known name is near, else nothing."""
    if len(name) > _SHOWN:
        return ""
    alike = [
        other
        for other in known
        if isinstance(other, str) and abs(len(other) - len(name)) <= _LENGTHS_APART
    ]
    close = difflib.get_close_matches(name, sorted(alike)[:_COMPARED], n=1)
    return f"; did you mean {shown(close[0])}?" if close else ""

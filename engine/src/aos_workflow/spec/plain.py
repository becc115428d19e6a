"""Whether a document is JSON data of a sane size, before anything else looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any, NoReturn

from aos_workflow.spec.limits import MAX_BYTES, MAX_DEPTH, MAX_VALUES
from aos_workflow.spec.problems import Finding, Path, kind_of, shown

__all__ = ["NotReadableError", "check_plain"]


class NotReadableError(Exception):
    """The document cannot be looked at any further. Internal: carries the finding that users see."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def check_plain(document: Any) -> list[Finding]:
    """Everything in the document that is no JSON data. Iterative, so that no depth exhausts the stack.

    Raises:
        NotReadableError: nested deeper than ``MAX_DEPTH`` or circular, more than ``MAX_VALUES`` values, or more than
            ``MAX_BYTES`` characters.
    """
    findings: list[Finding] = []
    open_values: list[tuple[Path, Any]] = [((), document)]
    values = characters = 0
    while open_values:
        path, value = open_values.pop()
        values += 1
        if values > MAX_VALUES:
            _refuse((), "too-large", f"more than {MAX_VALUES:,} values")
        if isinstance(value, str):
            characters += len(value)
            findings += _check_text(value, path)
        elif isinstance(value, dict):
            characters += sum(len(key) for key in value if isinstance(key, str))
            findings += _check_keys(value, path)
            open_values += [
                ((*path, key), item) for key, item in value.items() if isinstance(key, str)
            ]
        elif isinstance(value, list):
            open_values += [((*path, index), item) for index, item in enumerate(value)]
        elif isinstance(value, float) and not isfinite(value):
            findings.append(Finding(path, "not-json", f"{value} is no JSON number"))
        elif value is not None and not isinstance(value, (bool, int, float)):
            message = f"{kind_of(value)} is no JSON data"
            if isinstance(value, tuple):
                message = "a Python tuple is no JSON data; write a list"
            findings.append(Finding(path, "not-json", message))
        if characters > MAX_BYTES:
            _refuse((), "too-large", f"more than {MAX_BYTES:,} characters")
        if len(path) >= MAX_DEPTH and isinstance(value, (dict, list)):
            _refuse(path, "too-deep", f"nested deeper than {MAX_DEPTH} levels")
    return findings


def _check_keys(value: dict[Any, Any], path: Path) -> Iterator[Finding]:
    for key in value:
        if not isinstance(key, str):
            message = f"the key {shown(key)} is {kind_of(key)}, expected text"
            yield Finding(path, "not-json", message)
        else:
            yield from _check_text(key, (*path, key), at_key=True)


def _check_text(text: str, path: Path, *, at_key: bool = False) -> Iterator[Finding]:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            message = f"character {error.start + 1} is a lone surrogate, which no file can hold"
            yield Finding(path, "not-json", message, at_key=at_key)


def _refuse(path: Path, code: str, message: str) -> NoReturn:
    raise NotReadableError(Finding(path, code, message))

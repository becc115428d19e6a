"""Specs in JSON: read strictly by the kernel; positions are only worked out when there is something to report."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from aos_workflow import errors
from aos_workflow.golden.strict_json import loads
from aos_workflow.spec.limits import MAX_BYTES, MAX_DEPTH
from aos_workflow.spec.plain import NotReadableError
from aos_workflow.spec.positions import Node, ParsedText
from aos_workflow.spec.problems import Finding, Path, Position

__all__ = ["read_json"]

_CODES: dict[type[errors.GoldenFileError], str] = {
    errors.GoldenTooLargeError: "too-large",
    errors.GoldenTooDeepError: "too-deep",
    errors.GoldenEmptyError: "empty",
    errors.GoldenBinaryError: "encoding",
    errors.GoldenEncodingError: "encoding",
    errors.GoldenConflictError: "merge-conflict",
    errors.GoldenDuplicateKeyError: "duplicate-key",
}
_LINE_PREFIX = re.compile(r":[0-9]+: ")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]+')


def read_json(data: bytes) -> ParsedText:
    """The document in a JSON text.

    Raises:
        NotReadableError: not JSON.
    """
    try:
        value = loads(data, max_bytes=MAX_BYTES, max_depth=MAX_DEPTH)
    except errors.GoldenDuplicateKeyError as error:
        try:  # the text may be fine otherwise
            value = json.loads(data)
        except (ValueError, RecursionError):
            raise NotReadableError(_finding(error, data)) from None
        positions = _Positions(data.decode())
        return ParsedText(value, tuple(positions.duplicates), positions.locate)
    except errors.GoldenFileError as error:
        raise NotReadableError(_finding(error, data)) from None
    return ParsedText(value, (), _Positions(data.decode()).locate)


def _finding(error: errors.GoldenFileError, data: bytes) -> Finding:
    message = _LINE_PREFIX.sub("", error.message, count=1)
    line = error.line or 1
    column = 1
    try:
        json.loads(data)
    except json.JSONDecodeError as found:
        if found.lineno == line:
            column = found.colno
    except (ValueError, RecursionError):
        pass
    code = _CODES.get(type(error), "syntax")
    return Finding((), code, message, position=(line, column))


class _Positions:
    """The positions in a text that is known to be JSON, found on first use."""

    def __init__(self, text: str) -> None:
        self._text = text

    def locate(self, path: Path, at_key: bool) -> Position:
        return self._found[0].locate(path, at_key)

    @property
    def duplicates(self) -> list[Finding]:
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[Node, list[Finding]]:
        return _scan(self._text)


@dataclass(slots=True)
class _Open:
    """An object or list that has begun; ``key`` is the one whose value comes next."""

    node: Node
    path: Path
    is_object: bool
    key: str | None = None
    key_position: Position = (1, 1)


def _scan(text: str) -> tuple[Node, list[Finding]]:
    line_starts = [0, *(found.end() for found in re.finditer("\n", text))]
    root = Node((1, 1))
    duplicates: list[Finding] = []
    open_values: list[_Open] = []
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in (",", ":"):
            continue
        if mark in ("]", "}"):
            open_values.pop()
            continue
        line = bisect_right(line_starts, token.start())
        position = (line, token.start() - line_starts[line - 1] + 1)
        top = open_values[-1] if open_values else None
        if top is not None and top.is_object and top.key is None:
            top.key, top.key_position = json.loads(mark), position
            continue
        node = Node(position)
        path: Path = ()
        if top is None:
            root = node
        else:
            path = _add(top, node, duplicates)
        if mark in ("{", "["):
            open_values.append(_Open(node, path, mark == "{"))
    return root, duplicates


def _add(top: _Open, node: Node, duplicates: list[Finding]) -> Path:
    """Put a value where it belongs, and say where that is."""
    if top.key is None:
        part: str | int = len(top.node.below)
    else:
        part = top.key
        top.node.note_key(part, top.key_position, top.path, duplicates)
        top.key = None
    top.node.below[part] = node
    return (*top.path, part)

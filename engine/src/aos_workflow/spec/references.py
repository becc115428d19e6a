"""``${step.path}``: how a step names the output of another, or an input of the run.

Grammar; the segments are those of golden selectors that mean one place::

    text      = (character | "$${" | reference)*
    reference = "${" source segment* ["?"] "}"
    source    = step id | "inputs"
    segment   = ".key" | '["any key"]' | "[2]" | "[-1]"

``$${`` stands for a literal ``${``. A text that is one reference and nothing else becomes the value itself, with its
type; inside other text a scalar is written as JSON writes it, and text as it is. A trailing ``?`` gives null
where the step was skipped or the input was not given; a path that is missing stays an error. Nothing is evaluated, and
what a reference gives is never looked at for references again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, TypeAlias

from aos_workflow.errors import ReferenceSyntaxError
from aos_workflow.golden.paths import format_path
from aos_workflow.spec.limits import MAX_REFERENCES
from aos_workflow.spec.problems import Path, shown

__all__ = [
    "INPUTS",
    "Occurrence",
    "Reference",
    "Template",
    "escape",
    "parse_key",
    "parse_template",
    "references_in",
    "texts_in",
]

INPUTS = "inputs"
"""The source that is no step: the inputs of the run."""

_SOURCE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_KEY = re.compile(r"\.([A-Za-z_$][A-Za-z0-9_$-]*)")
_INDEX = re.compile(r"\[\s*(-?[0-9]{1,12})\s*\]")
_STRING = re.compile(r'\[\s*("(?:[^"\\]|\\.)*+")\s*\]')
_OPENING = re.compile(r"\$\$\{|\$\{")


@dataclass(frozen=True, slots=True)
class Reference:
    """One parsed reference. ``column`` is that of its ``$`` in the text, from 1."""

    source: str
    path: Path = ()
    optional: bool = False
    column: int = 1

    def __str__(self) -> str:
        path = format_path(self.path) if self.path else ""
        return f"${{{self.source}{path}{'?' if self.optional else ''}}}"


Template: TypeAlias = tuple[str | Reference, ...]
"""Literal texts and references in turn; no two texts side by side, and no empty one."""


class Occurrence(NamedTuple):
    """A reference and the path of the text that holds it."""

    path: Path
    reference: Reference


def parse_template(text: str) -> Template:
    """The literal texts and the references of a text, in their order.

    Raises:
        ReferenceSyntaxError: a ``${`` that begins no reference; carries text and column.
    """
    parts: list[str | Reference] = []
    literal: list[str] = []
    count = at = 0
    while opening := _OPENING.search(text, at):
        literal.append(text[at : opening.start()])
        if opening[0] == "$${":
            literal.append("${")
            at = opening.end()
            continue
        count += 1
        if count > MAX_REFERENCES:
            _fail(text, opening.start(), f"more than {MAX_REFERENCES:,} references in one text")
        reference, at = _reference(text, opening.start())
        parts += ["".join(literal), reference]
        literal.clear()
    parts.append("".join([*literal, text[at:]]))
    return tuple(part for part in parts if part != "")


def parse_key(key: str) -> str:
    """A key of an object with ``$${`` written out. References are values, so a key holds none.

    Raises:
        ReferenceSyntaxError: it holds one.
    """
    parts = parse_template(key) if "${" in key else (key,)
    for part in parts:
        if isinstance(part, Reference):
            _fail(key, part.column - 1, "a reference cannot stand in a key")
    return "".join(map(str, parts))


def references_in(value: Any) -> tuple[Occurrence, ...]:
    """Every reference in a value of JSON data, in the order of the document.

    Raises:
        ReferenceSyntaxError: the first text or key that does not parse.
    """
    found = []
    for path, text, is_key in texts_in(value):
        if is_key:
            parse_key(text)
            continue
        parts = parse_template(text)
        found += [Occurrence(path, part) for part in parts if isinstance(part, Reference)]
    return tuple(found)


def texts_in(value: Any) -> Iterator[tuple[Path, str, bool]]:
    """Every text that holds a ``${``, with its path and whether it is a key; in the order of the document.

    Iterative: a hostile value cannot exhaust the stack.
    """
    open_values: list[tuple[Path, Any]] = [((), value)]
    while open_values:
        path, item = open_values.pop()
        if isinstance(item, str):
            if "${" in item:
                yield path, item, False
        elif isinstance(item, dict):
            for key in item:
                if isinstance(key, str) and "${" in key:
                    yield (*path, key), key, True
            open_values += [((*path, key), below) for key, below in reversed(item.items())]
        elif isinstance(item, (list, tuple)):
            numbered = list(enumerate(item))
            open_values += [((*path, index), below) for index, below in reversed(numbered)]


def escape(text: str) -> str:
    """The text as it must be written in a spec to be taken literally."""
    return text.replace("${", "$${")


def _reference(text: str, start: int) -> tuple[Reference, int]:
    """The reference whose ``$`` is at ``start``, and the offset of what follows it."""
    source = _SOURCE.match(text, start + 2)
    if not source:
        _fail(text, start + 2, "expected the id of a step, or 'inputs'")
    path: list[str | int] = []
    at = source.end()
    while text[at : at + 1] in (".", "["):
        part, at = _segment(text, at)
        path.append(part)
    optional = text.startswith("?", at)
    at += optional
    if not text.startswith("}", at):
        rest = text[at : at + 1]
        found = f"found {shown(rest)}" if rest else "the text ends"
        _fail(text, at, f"expected '.key', '[index]', '[\"key\"]' or '}}'; {found}")
    return Reference(source[0], tuple(path), optional, start + 1), at + 1


def _segment(text: str, at: int) -> tuple[str | int, int]:
    if found := _KEY.match(text, at):
        return found[1], found.end()
    if found := _INDEX.match(text, at):
        return int(found[1]), found.end()
    if found := _STRING.match(text, at):
        try:
            key = json.loads(found[1])
        except ValueError:
            _fail(text, at, "the quoted key is not a JSON string")
        return str(key), found.end()
    expected = "a key" if text[at] == "." else 'an index or a "key" in double quotes, and "]"'
    _fail(text, at + 1, f"expected {expected}")


def _fail(text: str, at: int, why: str) -> NoReturn:
    raise ReferenceSyntaxError(
        f"{shown(text)}, column {at + 1}: {why}",
        column=at + 1,
        reason=why,
        hint='write ${step.key}, ${step["any key"]}, ${step[0]} or ${inputs.key}; '
        "for a literal ${ write $${",
    )

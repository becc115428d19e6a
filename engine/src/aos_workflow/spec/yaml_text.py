"""Specs in YAML: the parser's events, read as JSON data and nothing more.

Plain scalars follow the core schema of YAML 1.2, so ``no`` and ``on`` are text, ``012`` is 12, and ``2026-01-01`` is
text; a document means the same as its JSON spelling. Refused, because nothing in a spec needs them and each can
surprise: tags (but ``!!str``), merge keys, keys that are no text, equal keys, several documents. An alias stands for
a copy of its anchor, and what is written out counts towards ``MAX_VALUES``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from aos_workflow.spec.limits import MAX_DEPTH, MAX_VALUES
from aos_workflow.spec.plain import NotReadableError
from aos_workflow.spec.positions import Node, ParsedText
from aos_workflow.spec.problems import Finding, Path, Position, kind_of, shown

__all__ = ["read_yaml"]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where the wheel has it, else the same in Python, a hundred times slower. Only its events are used."""

_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_CORE_NULL = ("", "~", "null", "Null", "NULL")
_CORE_BOOLEANS = {
    spelling: value
    for value, word in ((True, "true"), (False, "false"))
    for spelling in (word, word.capitalize(), word.upper())
}
_CORE_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_CORE_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_PLAIN_TAGS = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


def read_yaml(text: str) -> ParsedText:
    """The document in a YAML text.

    Raises:
        NotReadableError: not YAML, empty, several documents, or too deep or too large to be looked at.
    """
    found = _UNPRINTABLE.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        message = f"the character U+{ord(found[0]):04X} cannot stand in YAML; write it as an escape"
        _refuse((line, column), "encoding", message)
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.add(event)
    except yaml.YAMLError as error:
        _refuse(*_syntax(error))
    if builder.root is None:
        _refuse((1, 1), "empty", "the document is empty")
    return ParsedText(builder.root.value, tuple(builder.findings), builder.root.node.locate)


def _syntax(error: yaml.YAMLError) -> tuple[Position, str, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    parts = [getattr(error, "context", None), getattr(error, "problem", None)]
    message = ": ".join(part for part in parts if part) or "not YAML"
    return (mark.line + 1, mark.column + 1) if mark else (1, 1), "syntax", message


@dataclass(slots=True, eq=False)
class _Value:
    """A value and where it stands. ``size`` counts the values in it, aliases written out."""

    value: Any
    node: Node
    size: int = 1
    is_plain: bool = False


@dataclass(slots=True, eq=False)
class _Open:
    """A mapping or sequence that has begun. Of a mapping, ``key`` is the one whose value comes next.

    A key that cannot be one is ``None``, and its value is dropped.
    """

    own: _Value
    path: Path
    anchor: str | None
    expects_key: bool
    key: str | None = None


class _Builder:
    """Takes the events of a document; a stack of its own, so that no depth exhausts the interpreter's."""

    def __init__(self) -> None:
        self.root: _Value | None = None
        self.findings: list[Finding] = []
        self._documents = 0
        self._size = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, _Value] = {}

    def add(self, event: yaml.Event) -> None:
        position = (event.start_mark.line + 1, event.start_mark.column + 1)
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    _refuse(position, "syntax", "a second document begins here; expected one")
            case yaml.ScalarEvent():
                self._keep(self._scalar(event, position), event.anchor)
            case yaml.AliasEvent():
                self._alias(event.anchor, position)
            case yaml.MappingStartEvent():
                self._begin({}, event, position)
            case yaml.SequenceStartEvent():
                self._begin([], event, position)
            case yaml.CollectionEndEvent():
                done = self._open.pop()
                self._keep(done.own, done.anchor)

    def _begin(self, value: Any, event: yaml.CollectionStartEvent, position: Position) -> None:
        if event.tag not in _PLAIN_TAGS:
            self._find_tag(event.tag, position)
        if len(self._open) >= MAX_DEPTH:
            _refuse(position, "too-deep", f"nested deeper than {MAX_DEPTH} levels")
        self._count(1, position)
        own = _Value(value, Node(position))
        self._open.append(_Open(own, self._path(), event.anchor, isinstance(value, dict)))

    def _scalar(self, event: yaml.ScalarEvent, position: Position) -> _Value:
        self._count(1, position)
        is_plain = event.tag is None and event.implicit[0]
        value: Any = event.value
        if is_plain:
            try:
                value = _core_value(event.value)
            except ValueError:
                message = f"an integer of {len(event.value):,} digits; quote it to make it text"
                self.findings.append(Finding(self._path(), "not-json", message, position=position))
        elif event.tag is not None and event.tag not in _TEXT_TAGS:
            self._find_tag(event.tag, position)
        return _Value(value, Node(position), is_plain=is_plain)

    def _alias(self, anchor: str, position: Position) -> None:
        meant = self._anchors.get(anchor)
        if meant is None:
            message = f"*{anchor} stands before its anchor &{anchor} is complete, or there is none"
            _refuse(position, "yaml-alias", message)
        self._count(meant.size, position)
        node = Node(position, meant.node.below, meant.node.keys)
        self._keep(_Value(meant.value, node, meant.size, meant.is_plain), None)

    def _keep(self, item: _Value, anchor: str | None) -> None:
        """Put a finished value where it belongs."""
        if anchor is not None:
            self._anchors[anchor] = item
        if not self._open:
            self.root = item
            return
        top = self._open[-1]
        top.own.size += item.size
        if isinstance(top.own.value, list):
            top.own.node.below[len(top.own.value)] = item.node
            top.own.value.append(item.value)
        elif top.expects_key:
            top.key = self._key(top, item)
            top.expects_key = False
        else:
            if top.key is not None:
                top.own.node.below[top.key] = item.node
                top.own.value[top.key] = item.value
            top.expects_key = True

    def _key(self, top: _Open, item: _Value) -> str | None:
        position = item.node.position
        if not isinstance(item.value, str):
            message = f"a key is {kind_of(item.value)}, expected text; put it in quotes"
            self.findings.append(Finding(top.path, "not-json", message, position=position))
            return None
        if item.is_plain and item.value == "<<":
            message = "merge keys are not part of YAML 1.2; write the keys out"
            self.findings.append(Finding(top.path, "yaml-merge", message, position=position))
            return None
        top.own.node.note_key(item.value, position, top.path, self.findings)
        return item.value

    def _path(self) -> Path:
        """The place of the value that comes next; of a key, the mapping it is in."""
        if not self._open:
            return ()
        top = self._open[-1]
        if isinstance(top.own.value, list):
            return (*top.path, len(top.own.value))
        return top.path if top.expects_key or top.key is None else (*top.path, top.key)

    def _count(self, size: int, position: Position) -> None:
        self._size += size
        if self._size > MAX_VALUES:
            _refuse(position, "too-large", f"more than {MAX_VALUES:,} values, aliases written out")

    def _find_tag(self, tag: str, position: Position) -> None:
        message = f"the tag {shown(tag)} has no meaning here; leave it out"
        self.findings.append(Finding(self._path(), "yaml-tag", message, position=position))


def _core_value(text: str) -> Any:
    """What a plain scalar means (YAML 1.2.2, section 10.3.2).

    Raises:
        ValueError: an integer of more digits than Python reads.
    """
    if text in _CORE_NULL:
        return None
    if text in _CORE_BOOLEANS:
        return _CORE_BOOLEANS[text]
    if _CORE_INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)
    if _CORE_FLOAT.fullmatch(text):
        return float(text.lstrip("+-.") if text[-1] in "fFnN" else text)
    return text


def _refuse(position: Position, code: str, message: str) -> NoReturn:
    raise NotReadableError(Finding((), code, message, position=position))

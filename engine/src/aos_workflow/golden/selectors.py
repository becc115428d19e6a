"""Selectors: which places of a JSON value a rule means.

Grammar, after insta's redaction selectors, extended by key sets, ranges with both ends, and value classes::

    selector = "." | segment+ [":" class]
    segment  = ".key" | '["any key"]' | ".{a,b}" | ".*" | ".**" | "[*]" | "[2]" | "[-1]" | "[1:3]" | "[:3]" | "[2:]"

``.*`` is any one key or index, ``[*]`` any one index, ``.**`` any number of levels, none included. A selector matches a
whole path, never a part of one: ``.**.a.b`` does not match a ``b`` at the root.

All selectors of a rule set are stepped together as one automaton whose states are made on first use, so the cost of a
step does not grow with the number of rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from aos_workflow.errors import RuleError

__all__ = ["Automaton", "Selector", "State", "parse_selector"]

_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_CLASS = re.compile(r"[a-z][a-z_]*")
_INDEX = "-?[0-9]{1,12}"
_ITEM = re.compile(rf"\[\s*({_INDEX})\s*\]")
_RANGE = re.compile(rf"\[\s*({_INDEX})?\s*:\s*({_INDEX})?\s*\]")
_STRING = re.compile(r'\[\s*("(?:[^"\\]|\\.)*")\s*\]')

_CACHED_STEPS = 4096


@dataclass(frozen=True, slots=True)
class Keys:
    """One level down, by one of some keys."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Slice:
    """One level down, by an index in ``[start, stop)``; negative ends count from the back, ``None`` is open."""

    start: int | None
    stop: int | None

    def holds(self, index: int, length: int) -> bool:
        return index in range(*slice(self.start, self.stop).indices(length))

    @property
    def never_holds(self) -> bool:
        """Whether no list is long enough to have an item in the range."""
        start, stop = self.start or 0, self.stop
        return stop is not None and (stop == 0 or ((start < 0) == (stop < 0) and start >= stop))


@dataclass(frozen=True, slots=True)
class AnyChild:
    """One level down, by anything."""


@dataclass(frozen=True, slots=True)
class Deep:
    """Any number of levels down."""


Segment = Keys | Slice | AnyChild | Deep
_EVERY_INDEX = Slice(None, None)


@dataclass(frozen=True, slots=True)
class Selector:
    """A parsed selector: its normalised text, its segments, and the value class it is limited to."""

    text: str
    segments: tuple[Segment, ...]
    value_class: str | None


def parse_selector(text: str) -> tuple[Selector, int]:
    """Parse a selector at the start of ``text``; return it and the offset of what follows.

    Raises:
        RuleError: the text is no selector; the message shows the column.
    """
    segments: list[Segment] = []
    at = 0
    if not text.startswith((".", "[")):
        _fail(text, 0, "a selector starts with '.' or '['")
    if text == "." or text.startswith((".:", ". ")):
        at = 1
    else:
        while at < len(text) and text[at] in ".[":
            segment, end = _segment(text, at)
            if isinstance(segment, Deep) and segments and isinstance(segments[-1], Deep):
                _fail(text, at, "'.**' twice in a row means the same as once")
            segments.append(segment)
            at = end
    value_class = None
    found = _CLASS.match(text, at + 1) if text[at : at + 1] == ":" else None
    if found:
        value_class, at = found[0], found.end()
    return Selector("".join(map(_spell, segments)) or ".", tuple(segments), value_class), at


def _segment(text: str, at: int) -> tuple[Segment, int]:
    if text.startswith(".**", at):
        return Deep(), at + 3
    if text.startswith(".*", at):
        return AnyChild(), at + 2
    if text.startswith("[*]", at):
        return _EVERY_INDEX, at + 3
    if text.startswith(".{", at):
        return _key_set(text, at)
    if text[at] == ".":
        found = _KEY.match(text, at + 1)
        if not found:
            _fail(text, at + 1, "expected a key, '*', '**' or '{'")
        return Keys(frozenset([found[0]])), found.end()
    found = _STRING.match(text, at)
    if found:
        try:
            return Keys(frozenset([json.loads(found[1])])), found.end()
        except ValueError:
            _fail(text, at, "the quoted key is not a JSON string")
    found = _ITEM.match(text, at)
    if found:
        index = int(found[1])
        return Slice(index, None if index == -1 else index + 1), found.end()
    found = _RANGE.match(text, at)
    if not found:
        _fail(text, at, 'expected [*], [2], [1:3] or ["key"]')
    span = Slice(*(None if end is None else int(end) for end in found.groups()))
    if span.never_holds:
        _fail(text, at, "the range is empty, no item can be in it")
    return span, found.end()


def _key_set(text: str, at: int) -> tuple[Segment, int]:
    end = text.find("}", at)
    names = [name.strip() for name in text[at + 2 : end].split(",")] if end > 0 else []
    if not names or not all(_KEY.fullmatch(name) for name in names):
        _fail(text, at, "expected a key set such as .{a,b}")
    return Keys(frozenset(names)), end + 1


def _spell(segment: Segment) -> str:
    match segment:
        case Deep():
            return ".**"
        case AnyChild():
            return ".*"
        case Keys(names) if len(names) > 1:
            return ".{" + ",".join(sorted(names)) + "}"
        case Keys(names):
            (name,) = names
            return f".{name}" if _KEY.fullmatch(name) else f"[{json.dumps(name)}]"
        case Slice(None, None):
            return "[*]"
        case Slice(start, stop):
            if start is not None and (stop == start + 1 or (start == -1 and stop is None)):
                return f"[{start}]"
            return f"[{'' if start is None else start}:{'' if stop is None else stop}]"


def _fail(text: str, at: int, why: str) -> NoReturn:
    raise RuleError(
        f"rule {text!r}, column {at + 1}: {why}",
        hint='selectors: .key  ["key"]  .{a,b}  .*  .**  [*]  [2]  [1:3], then ":class" and ": action"',
    )


@dataclass(slots=True, eq=False)
class State:
    """Where all selectors of a rule set stand at one place of a value.

    ``accepting`` are the numbers of the selectors that match this very place, ascending; ``dead`` says that none can
    match below it; ``by_index`` that the step into a list depends on the index. ``shapes`` belongs to the walk, which
    remembers here what to do with a dict of some keys.
    """

    places: frozenset[tuple[int, int]]
    accepting: tuple[int, ...]
    dead: bool
    by_index: bool
    keys: dict[str, State] = field(default_factory=dict)
    item: State | None = None
    shapes: dict[tuple[str, ...], Any] = field(default_factory=dict)


class Automaton:
    """All selectors of a rule set, stepped together. Thread-safe: a state made twice is merely made twice."""

    def __init__(self, selectors: Iterable[Selector]) -> None:
        self._segments = [selector.segments for selector in selectors]
        self._states: dict[frozenset[tuple[int, int]], State] = {}
        self.root = self._state(self._closure((i, 0) for i in range(len(self._segments))))

    def key(self, state: State, key: str) -> State:
        """The state one key down."""
        found = state.keys.get(key)
        if found is None:
            found = self._state(self._closure(self._step(state, key, 0)))
            if len(state.keys) < _CACHED_STEPS:
                state.keys[key] = found
        return found

    def index(self, state: State, index: int, length: int) -> State:
        """The state one list index down, in a list of ``length`` items."""
        if state.by_index:
            return self._state(self._closure(self._step(state, index, length)))
        if state.item is None:
            state.item = self._state(self._closure(self._step(state, 0, 1)))
        return state.item

    def _step(self, state: State, part: str | int, length: int) -> Iterable[tuple[int, int]]:
        for number, position in state.places:
            segments = self._segments[number]
            if position == len(segments):
                continue
            match segments[position]:
                case Deep():
                    yield number, position
                case AnyChild():
                    yield number, position + 1
                case Keys(names):
                    if isinstance(part, str) and part in names:
                        yield number, position + 1
                case Slice() as span:
                    if isinstance(part, int) and span.holds(part, length):
                        yield number, position + 1

    def _closure(self, places: Iterable[tuple[int, int]]) -> frozenset[tuple[int, int]]:
        """The places together with those reached by letting ``.**`` match nothing."""
        found = set(places)
        for number, position in tuple(found):
            segments = self._segments[number]
            if position < len(segments) and isinstance(segments[position], Deep):
                found.add((number, position + 1))
        return frozenset(found)

    def _state(self, places: frozenset[tuple[int, int]]) -> State:
        state = self._states.get(places)
        if state is None:
            open_places = [
                self._segments[number][position]
                for number, position in places
                if position < len(self._segments[number])
            ]
            state = State(
                places=places,
                accepting=tuple(
                    sorted(n for n, position in places if position == len(self._segments[n]))
                ),
                dead=not open_places,
                by_index=any(isinstance(s, Slice) and s != _EVERY_INDEX for s in open_places),
            )
            self._states[places] = state
        return state

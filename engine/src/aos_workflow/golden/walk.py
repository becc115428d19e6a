"""One pass over a value that applies the rules, spells the numbers, and counts.

This is the hot loop of the project: about 40 ns a leaf. Two observations carry it. Documents repeat their shapes, so
what to do with a dict is worked out once for its keys and value types (a *plan*, kept on the automaton's state). And
lists of like dicts are columns, so types and numbers are checked a column at a time in C. What is not touched is not
copied: the result shares every unchanged part with the input, which is never written to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from math import isfinite
from operator import is_not
from typing import Any

import orjson

from aos_workflow.golden.adapt import RESERVED_PREFIX
from aos_workflow.golden.aliases import Aliases
from aos_workflow.golden.encoding import encode
from aos_workflow.golden.limits import MAX_DEPTH
from aos_workflow.golden.numbers import es6_number
from aos_workflow.golden.rules import Rules, Step
from aos_workflow.golden.selectors import State

__all__ = ["NeedsAdapting", "Walk"]

_INERT = frozenset((str, int, bool, type(None)))
_SCALAR = _INERT | {float}
_ONLY_DICT = {dict}
_ONLY_LIST = {list}
_ONLY_FLOAT = {float}
_ONLY_STR = {str}
_is_whole = float.is_integer

_COLUMN_ROWS = 8
"""Fewer dicts than this are walked one by one."""
_CHUNK_ROWS = 64
"""Rows taken at a time, so that a chunk stays in the processor's cache (measured: 64 is 3 x faster than all)."""
_PLANS = 2048
"""Shapes remembered for each state; documents with more have no shape worth remembering."""
_PLAN_WIDTH = 64

_SET = f"{RESERVED_PREFIX}set"
_STRIPPED = object()

Shortcut = tuple[int, Callable[[object], bool] | None, str | None]
"""Number, class test and placeholder of a mask; the test is None where there is none."""

Plan = tuple[
    int,  # scalars that no rule touches
    tuple[str, ...],  # keys of floats
    tuple[tuple[str, bool, State], ...],  # keys of containers: is it a dict, and the state there
    tuple[tuple[str, int, Callable[[object], bool] | None, str | None, State], ...],  # ruled keys
]
"""What to do with a dict of some shape; a bare int if there is nothing to do but count."""


class NeedsAdapting(Exception):  # noqa: N818 - a request, not an error
    """The value is not made of plain JSON types; adapt it first."""


class Walk:
    """The walk of one value under one rule set. Not reusable.

    ``leaves`` counts scalars, ``blind`` those that no longer take part in the comparison, ``hits`` the applications of
    each rule. Aliased values stand as marks in the result until ``aliases`` numbers them in the text.
    """

    __slots__ = ("aliases", "automaton", "blind", "hits", "leaves", "steps", "trusted")

    def __init__(self, rules: Rules, aliases: Aliases, *, trusted: bool) -> None:
        self.steps = rules.steps
        self.automaton = rules.automaton
        self.aliases = aliases
        self.trusted = trusted
        self.leaves = 0
        self.blind = 0
        self.hits = [0] * len(self.steps)

    def run(self, value: Any) -> Any:
        """The value with the rules applied; ``None`` if a rule strips the value itself."""
        root = self.automaton.root
        result = self._accepted(value, root, 0) if root.accepting else self._any(value, root, 0)
        return None if result is _STRIPPED else result

    # one value

    def _any(self, value: Any, state: State, depth: int) -> Any:
        kind = type(value)
        if kind is dict or kind is list or kind is tuple:
            if depth >= MAX_DEPTH:
                raise NeedsAdapting
            return (
                self._dict(value, state, depth) if kind is dict else self._list(value, state, depth)
            )
        if kind not in _SCALAR:
            raise NeedsAdapting
        self.leaves += 1
        return _spell_float(value) if kind is float else value

    def _dict(  # noqa: C901 - the hot loop, in one piece
        self, value: dict[str, Any], state: State, depth: int
    ) -> dict[str, Any]:
        shape = (*value, *map(type, value.values()))
        try:
            plan = state.plans[shape]
        except KeyError:
            plan = self._plan(value, state, shape)
        if type(plan) is int:
            self.leaves += plan
            return value
        leaves, floats, containers, ruled = plan
        self.leaves += leaves
        changed = None
        for key in floats:
            number = value[key]
            if number % 1.0 and (1e-5 <= number < 1e16 or -1e16 < number <= -1e-5):
                continue
            if changed is None:
                changed = value.copy()
            changed[key] = _spell_float(number)
        if containers:
            depth += 1
            if depth >= MAX_DEPTH:
                raise NeedsAdapting
            for key, is_dict, below in containers:
                old = value[key]
                new: Any
                if is_dict:
                    new = self._dict(old, below, depth)
                elif old:
                    new = self._list(old, below, depth)
                else:
                    continue
                if new is not old:
                    if changed is None:
                        changed = value.copy()
                    changed[key] = new
            depth -= 1
        if ruled:
            if changed is None:
                changed = value.copy()
            for key, number, matches, placeholder, below in ruled:
                old = value[key]
                if matches is not None and matches(old):
                    self.hits[number] += 1
                    self.leaves += 1
                    changed[key] = placeholder
                    continue
                new = self._accepted(old, below, depth + 1)
                if key == _SET and new is not _STRIPPED:
                    new = sorted(new, key=self._sort_key)
                if new is _STRIPPED:
                    del changed[key]
                else:
                    changed[key] = new
        return value if changed is None else changed

    def _plan(self, value: dict[str, Any], state: State, shape: tuple[Any, ...]) -> Plan | int:
        leaves = 0
        floats, containers, ruled = [], [], []
        reserved = False
        for key, item in value.items():
            if type(key) is not str:
                raise NeedsAdapting
            if key.startswith(RESERVED_PREFIX):
                reserved = True
            kind = type(item)
            below = self.automaton.key(state, key)
            if below.accepting or key == _SET:
                ruled.append((key, *self._shortcut(below), below))
            elif kind is dict or kind is list or kind is tuple:
                containers.append((key, kind is dict, below))
            elif kind is float:
                floats.append(key)
                leaves += 1
            elif kind in _INERT:
                leaves += 1
            else:
                raise NeedsAdapting
        if reserved and not self.trusted:
            raise NeedsAdapting
        plan: Plan | int = leaves
        if floats or containers or ruled:
            plan = (leaves, tuple(floats), tuple(containers), tuple(ruled))
        if not reserved and len(value) <= _PLAN_WIDTH and len(state.plans) < _PLANS:
            state.plans[shape] = plan
        return plan

    def _shortcut(self, state: State) -> Shortcut:
        """The checked mask that decides first at ``state``, taken apart; it needs no further look."""
        if state.accepting:
            step = self.steps[state.accepting[0]]
            if step.action == "mask" and not step.blind:
                return state.accepting[0], step.matches, step.placeholder
        return -1, None, None

    # lists and columns

    def _list(self, value: Sequence[Any], state: State, depth: int) -> Sequence[Any]:
        if state.by_index:
            return self._by_index(value, state, depth)
        return self._items(value, state.item or self.automaton.index(state, 0, 1), depth)

    def _by_index(self, value: Sequence[Any], state: State, depth: int) -> list[Any]:
        out = []
        for index, item in enumerate(value):
            below = self.automaton.index(state, index, len(value))
            new = self._accepted(item, below, depth + 1)
            if new is not _STRIPPED:
                out.append(new)
        return out

    def _items(self, items: Sequence[Any], state: State, depth: int) -> Sequence[Any]:
        """Items of one list, or of many lists end to end, all of which stand at ``state``."""
        if state.accepting:
            ruled = [self._accepted(item, state, depth + 1) for item in items]
            return [item for item in ruled if item is not _STRIPPED]
        kinds = set(map(type, items))
        if kinds <= _INERT:
            self.leaves += len(items)
            return items
        depth += 1
        if depth >= MAX_DEPTH:
            raise NeedsAdapting
        if kinds == _ONLY_DICT and len(items) < _COLUMN_ROWS:
            out = [self._dict(item, state, depth) for item in items]
            return out if _any_new(items, out) else items
        return self._column(items, kinds, state, depth - 1)

    def _dicts(
        self, items: Sequence[dict[str, Any]], state: State, depth: int
    ) -> Sequence[dict[str, Any]]:
        count = len(items)
        if count <= 2 * _CHUNK_ROWS:
            return self._rows(items, state, depth)
        out: list[dict[str, Any]] = []
        for start in range(0, count, _CHUNK_ROWS):
            out += self._rows(items[start : start + _CHUNK_ROWS], state, depth)
        return out if _any_new(items, out) else items

    def _rows(
        self, rows: Sequence[dict[str, Any]], state: State, depth: int
    ) -> Sequence[dict[str, Any]]:
        shapes = set(map(tuple, rows))
        if len(shapes) != 1 or depth + 1 >= MAX_DEPTH:
            return [self._dict(row, state, depth + 1) for row in rows]
        (keys,) = shapes
        below = state.columns.get(keys) or self._columns(keys, state)
        if below is None:
            return [self._dict(row, state, depth + 1) for row in rows]
        changes: list[tuple[str, Sequence[Any]]] = []
        for key, child, column in zip(
            keys, below, zip(*map(dict.values, rows), strict=True), strict=True
        ):
            if child.accepting:
                new: Sequence[Any] = self._accepted_column(column, child, depth + 2)
            else:
                kinds = set(map(type, column))
                if kinds <= _INERT:
                    self.leaves += len(column)
                    continue
                new = self._column(column, kinds, child, depth + 1)
            if new is not column:
                changes.append((key, new))
        if not changes:
            return rows
        out = [row.copy() for row in rows]
        for key, new in changes:
            for row, item in zip(out, new, strict=True):
                if item is _STRIPPED:
                    del row[key]
                else:
                    row[key] = item
        return out

    def _columns(self, keys: tuple[Any, ...], state: State) -> tuple[State, ...] | None:
        if len(keys) > _PLAN_WIDTH or not keys:
            return None
        if not all(type(key) is str and not key.startswith(RESERVED_PREFIX) for key in keys):
            return None
        below = tuple(self.automaton.key(state, key) for key in keys)
        if len(state.columns) < _PLANS:
            state.columns[keys] = below
        return below

    def _column(
        self, column: Sequence[Any], kinds: set[type], state: State, depth: int
    ) -> Sequence[Any]:
        """Values that all stand at ``state``; the same object back if nothing changed."""
        if kinds == _ONLY_FLOAT:
            self.leaves += len(column)
            return column if _plainly_spelled(column) else [_spell_float(x) for x in column]
        if kinds == _ONLY_DICT:
            return self._dicts(column, state, depth)
        if kinds == _ONLY_LIST and not state.by_index:
            below = self.automaton.index(state, 0, 1)
            if not below.accepting and len(column) > 1 and depth + 1 < MAX_DEPTH:
                return self._lists(column, below, depth + 1)
        out = [self._any(item, state, depth + 1) for item in column]
        return out if _any_new(column, out) else column

    def _lists(
        self, lists: Sequence[list[Any]], state: State, depth: int
    ) -> Sequence[Sequence[Any]]:
        """Several lists as one, and cut apart again."""
        flat = list(chain.from_iterable(lists))
        if not flat:
            return lists
        new = self._items(flat, state, depth)
        if new is flat:
            return lists
        out = []
        start = 0
        for item in lists:
            end = start + len(item)
            out.append(new[start:end])
            start = end
        return out

    # rules

    def _accepted_column(self, column: Sequence[Any], state: State, depth: int) -> Sequence[Any]:
        number = state.accepting[0]
        step = self.steps[number]
        if step.matches is not None and not step.blind and all(map(step.matches, column)):
            if step.action == "mask":
                self.hits[number] += len(column)
                self.leaves += len(column)
                return [step.placeholder] * len(column)
            if step.action == "alias" and set(map(type, column)) == _ONLY_STR:
                self.hits[number] += len(column)
                self.leaves += len(column)
                return self.aliases.mark_texts(step.class_name or "id", column)
        return [self._accepted(item, state, depth) for item in column]

    def _accepted(self, value: Any, state: State, depth: int) -> Any:
        """A value at which rules may apply: the first that accepts it decides."""
        kind = type(value)
        if kind not in _SCALAR and kind is not dict and kind is not list and kind is not tuple:
            raise NeedsAdapting
        for number in state.accepting:
            step = self.steps[number]
            if step.matches is not None and not step.matches(value):
                continue
            new = self._apply(step, value, state, depth)
            if new is not NotImplemented:
                self.hits[number] += 1
                return new
        return self._any(value, state, depth)

    def _apply(self, step: Step, value: Any, state: State, depth: int) -> Any:
        """The outcome of one action, or ``NotImplemented`` if it does not accept the value."""
        kind = type(value)
        match step.action:
            case "mask":
                return self._mask(step, value)
            case "alias":
                if kind is str or kind is int or kind is float:
                    self.leaves += 1
                    return self.aliases.mark(step.class_name or "id", value)
                return NotImplemented
            case "strip":
                count = _count_leaves(value)
                self.leaves += count
                self.blind += count
                return _STRIPPED
            case "round":
                if kind is not float and kind is not int:
                    return NotImplemented
                self.leaves += 1
                return _spell_float(round(float(value), step.decimals))
            case "sort":
                if kind is not list and kind is not tuple:
                    return NotImplemented
                return sorted(self._any(value, state, depth), key=self._sort_key)
            case "hash":
                marks = self.aliases.count
                text = self.aliases.blank(encode(self._any(value, state, depth)))
                self.aliases.count = marks
                return f"<sha256:{hashlib.sha256(text).hexdigest()}>"
            case "keep":
                return self._any(value, state, depth)

    def _mask(self, step: Step, value: Any) -> Any:
        if step.class_name is None and value is None:
            return NotImplemented
        count = _count_leaves(value)
        self.leaves += count
        if step.blind:
            self.blind += count
        return step.placeholder or f"<{_json_type(value)}>"

    def _sort_key(self, item: Any) -> bytes:
        return self.aliases.blank(encode(item))


def _any_new(old: Iterable[Any], new: Iterable[Any]) -> bool:
    return any(map(is_not, old, new))


def _plainly_spelled(column: Sequence[float]) -> bool:
    """Whether orjson's spelling of every float is also ECMAScript's."""
    if not isfinite(sum(column)):
        return False
    if any(map(_is_whole, column)):
        return False
    sizes = tuple(map(abs, column))
    return min(sizes) >= 1e-5 and max(sizes) < 1e16


def _spell_float(number: float) -> Any:
    """A float such that orjson writes it as RFC 8785 says: itself, an int, or a fragment."""
    if number % 1.0 and (1e-5 <= number < 1e16 or -1e16 < number <= -1e-5):
        return number
    if not isfinite(number):
        raise NeedsAdapting
    if -9007199254740992.0 < number < 9007199254740992.0 and number.is_integer():
        return int(number)
    return orjson.Fragment(es6_number(number))


def _count_leaves(value: Any) -> int:
    count, stack = 0, [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, (list, tuple)):
            stack.extend(item)
        else:
            count += 1
    return count


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, dict) else "array"

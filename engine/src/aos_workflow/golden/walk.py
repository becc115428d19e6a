"""One pass over a value that applies the rules, spells the numbers, and counts.

This is the hot loop of the project. Documents repeat their shapes, so what to do with a dict is worked out once for
its keys and types and kept on the automaton's state (:mod:`~aos_workflow.golden.shapes`). What is not touched is not
copied: the result shares every unchanged part with the input, which is never written to.

What such a loop costs is the number of interpreter steps; each form here was chosen by counting them. Taking lists of
like dicts apart into columns, or checking all types of a dict in one call, was measured to be slower.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import accumulate, chain
from math import isfinite
from typing import Any

from aos_workflow.golden.adapt import RESERVED_PREFIX, NeedsAdapting
from aos_workflow.golden.aliases import MARK_CHARACTERS, Alias, Aliases, LateAliases
from aos_workflow.golden.encoding import encode, in_order
from aos_workflow.golden.limits import MAX_DEPTH
from aos_workflow.golden.numbers import for_orjson
from aos_workflow.golden.rules import Rules, Step
from aos_workflow.golden.selectors import State
from aos_workflow.golden.shapes import INERT, NO_SHAPE, STRIPPED, Shape

__all__ = ["Walk"]

_SCALAR = INERT | {float}
_ONLY_LIST = {list}

Json = dict[str, Any]

_SHAPES = 1024
"""Shapes remembered for each state; documents with more have no shape worth remembering."""
_SHAPE_KEYS = 64
"""A dict with more keys is a table, not a record, and seldom comes again."""

_SET = f"{RESERVED_PREFIX}set"


class Walk:
    """The walk of one value under one rule set. Not reusable.

    ``leaves`` counts scalars, ``blind`` those that no longer take part in the comparison, ``hits`` the applications of
    each rule. ``trusted`` values may hold keys of our own name space, adapted sets for instance. Depth is counted
    down: ``levels`` is how many containers may still be nested. Keys are visited in the order of the canonical text.

    Raises:
        NeedsAdapting: from any method, if the value is not plain JSON data.
    """

    __slots__ = ("aliases", "automaton", "blind", "hits", "leaves", "steps", "trusted")

    def __init__(self, rules: Rules, *, trusted: bool, mark: str = MARK_CHARACTERS[0]) -> None:
        self.steps = rules.steps
        self.automaton = rules.automaton
        self.trusted = trusted
        self.aliases = LateAliases(mark) if trusted or rules.sorts else Aliases()
        self.leaves = 0
        self.blind = 0
        self.hits = [0] * len(self.steps)

    def run(self, value: Any) -> Any:
        """The value with the rules applied; ``None`` if a rule strips the value itself."""
        result = self.at(value, self.automaton.root, MAX_DEPTH)
        return None if result is STRIPPED else result

    def text(self, tree: Any) -> bytes:
        """The canonical text of what :meth:`run` returned, with its aliases numbered.

        Raises:
            MarkCollision: a text of the user looks like a mark.
        """
        return self.aliases.finish(encode(tree))

    def at(self, value: Any, state: State, levels: int) -> Any:
        """What becomes of a value at ``state``, perhaps ``STRIPPED``."""
        if state.accepting:
            return self.ruled(value, state, levels)
        return self.plain(value, state, levels)

    def plain(self, value: Any, state: State, levels: int) -> Any:
        """A value at which no rule applies, or none any more; rules may apply below it."""
        kind = type(value)
        if kind is dict:
            return self.shape(value, state).run(self, value, levels)
        if kind is list or kind is tuple:
            return self.sequence(value, state, levels)
        if kind not in _SCALAR:
            raise NeedsAdapting(value)
        self.leaves += 1
        return for_orjson(value) if kind is float else value

    def shape(self, value: Json, state: State) -> Shape:
        """What to do with a dict of the keys of ``value`` at ``state``."""
        keys = (*value,)
        return state.shapes.get(keys) or self._new_shape(keys, state)

    def _new_shape(self, keys: tuple[Any, ...], state: State) -> Shape:
        if not all(type(key) is str for key in keys):
            raise NeedsAdapting
        below = [(key, self.automaton.key(state, key)) for key in in_order(keys)]
        if any(key.startswith(RESERVED_PREFIX) for key in keys):
            return _ReservedShape(below, self.steps)
        shape = Shape(below, self.steps)
        if len(keys) <= _SHAPE_KEYS and len(state.shapes) < _SHAPES:
            state.shapes[keys] = shape
        return shape

    # lists

    def sequence(self, value: Sequence[Any], state: State, levels: int) -> Sequence[Any]:
        if not levels:
            raise NeedsAdapting
        if state.by_index:
            return self._by_index(value, state, levels - 1)
        below = state.item or self.automaton.index(state, 0, 1)
        if below.accepting:
            new = [self.ruled(item, below, levels - 1) for item in value]
            return [item for item in new if item is not STRIPPED]
        return self._items(value, below, levels - 1)

    def _by_index(self, value: Sequence[Any], state: State, levels: int) -> Sequence[Any]:
        length = len(value)
        new = [
            self.at(item, self.automaton.index(state, index, length), levels)
            for index, item in enumerate(value)
        ]
        return [item for item in new if item is not STRIPPED]

    def _items(self, values: Sequence[Any], state: State, levels: int) -> Sequence[Any]:
        """Values that all stand at a state where no rule applies; the same object back if nothing changes."""
        if values and type(values[0]) is dict:
            return self.each(values, state, levels, [NO_SHAPE])
        kinds = set(map(type, values))
        if kinds <= _SCALAR:
            self.leaves += len(values)
            return values if kinds <= INERT else _numbers(values)
        if kinds == _ONLY_LIST and levels and not state.by_index:
            below = state.item or self.automaton.index(state, 0, 1)
            if not below.accepting:
                return self._lists(values, below, levels - 1)
        return self.each(values, state, levels, [NO_SHAPE])

    def _lists(self, lists: Sequence[list[Any]], state: State, levels: int) -> Sequence[Any]:
        """Lists in a list, points for instance, as one long list that is cut apart again."""
        flat = [*chain.from_iterable(lists)]
        new = self._items(flat, state, levels)
        if new is flat:
            return lists
        ends = [*accumulate(map(len, lists))]
        return [new[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def each(
        self, values: Sequence[Any], state: State, levels: int, near: list[Shape]
    ) -> Sequence[Any]:
        """Values one by one, at a state where no rule applies.

        A dict most likely has the keys of the one before, which ``near`` remembers.
        """
        out: list[Any] | None = None
        shape = near[0]
        for index, old in enumerate(values):
            if type(old) is dict:
                run = shape.run
                new = run(self, old, levels)
                if new is None:
                    near[0] = shape = self.shape(old, state)
                    run = shape.run
                    new = run(self, old, levels)
            else:
                new = self.plain(old, state, levels)
            if new is not old:
                if out is None:
                    out = [*values]
                out[index] = new
        return values if out is None else out

    # rules

    def ruled(self, value: Any, state: State, levels: int) -> Any:
        """A value at which rules may apply: the first that accepts it decides."""
        for number in state.accepting:
            step = self.steps[number]
            if step.matches is not None and not step.matches(value):
                continue
            new = self._apply(step, value, state, levels)
            if new is not NotImplemented:
                self.hits[number] += 1
                return new
        return self.plain(value, state, levels)

    def put_ruled(self, out: Json, key: str, state: State, levels: int) -> None:
        """:meth:`ruled` for a key of a copied dict."""
        new = self.ruled(out[key], state, levels)
        if new is STRIPPED:
            del out[key]
        else:
            out[key] = new

    def _apply(self, step: Step, value: Any, state: State, levels: int) -> Any:
        """The outcome of one action, or ``NotImplemented`` if it does not accept the value."""
        kind = type(value)
        match step.action:
            case "mask":
                return self._mask(step, value)
            case "alias":
                return self._alias(step.class_name or "id", value)
            case "strip":
                self._drop(value, blind=True)
                return STRIPPED
            case "round":
                if kind is not float and kind is not int:
                    return NotImplemented
                self.leaves += 1
                number = round(value, step.decimals)
                return for_orjson(number) if kind is float else number
            case "sort":
                if kind is not list and kind is not tuple:
                    return NotImplemented
                return self.sorted(self.plain(value, state, levels))
            case "hash":
                return self._digest(value, state, levels)
            case "keep":
                return self.plain(value, state, levels)

    def sorted(self, items: Sequence[Any]) -> list[Any]:
        """Items in the order of their text, in which no id counts."""
        return sorted(items, key=lambda item: self.aliases.blank(encode(item)))

    def _digest(self, value: Any, state: State, levels: int) -> str:
        """Aliases are numbered within the value: outside nobody sees them."""
        outside, self.aliases = self.aliases, self.aliases.within()
        text = self.text(self.plain(value, state, levels))
        self.aliases = outside
        return f"<sha256:{hashlib.sha256(text).hexdigest()}>"

    def _mask(self, step: Step, value: Any) -> Any:
        placeholder = step.placeholder or _placeholder(value)
        if placeholder is None:
            return NotImplemented
        self._drop(value, blind=step.blind)
        return placeholder

    def _alias(self, class_name: str, value: Any) -> Any:
        kind = type(value)
        alias: Alias
        if kind is str:
            alias = class_name, value
        elif kind is int or (kind is float and isfinite(value)):
            number = for_orjson(value) if kind is float else value
            alias = class_name, (encode(number).decode(),)
        else:
            return NotImplemented
        self.leaves += 1
        return self.aliases.text(alias)

    def _drop(self, value: Any, *, blind: bool) -> None:
        """Count the scalars of a value that leaves the comparison; what could not be adapted counts as one.

        A value that was not adapted yet could hold anything: it is adapted first.
        """
        count, level = 0, [value]
        for _ in range(MAX_DEPTH + 1):
            below: list[Any] = []
            for item in level:
                kind = type(item)
                if kind is dict:
                    if not self.trusted and not all(map(_is_plain_key, item)):
                        raise NeedsAdapting
                    below += item.values()
                elif kind is list or kind is tuple:
                    below += item
                elif kind in _SCALAR or self.trusted:
                    count += 1
                else:
                    raise NeedsAdapting
            if not below:
                self.leaves += count
                self.blind += count if blind else 0
                return
            level = below
        raise NeedsAdapting


class _ReservedShape(Shape):
    """Keys of our own name space: only in data that we adapted, or that were read from a golden."""

    __slots__ = ()

    def interpret(self, walk: Walk, value: Json, levels: int) -> Json | None:
        if not walk.trusted:
            raise NeedsAdapting
        out = super().interpret(walk, value, levels)
        items = out and out.get(_SET)
        if out and walk.steps and type(items) is list:  # rules may have changed their order
            return {**out, _SET: walk.sorted(items)}
        return out

    def _note(self, value: Json) -> None:
        """No function is ever written: it would trust everybody."""


def _numbers(values: Sequence[Any]) -> Sequence[Any]:
    """Scalars with their floats spelled; the same object back if nothing changes."""
    for value in values:
        if type(value) is float and not (value % 1.0 and 1e-5 <= value < 1e16):
            break
    else:
        return values
    return [for_orjson(value) if type(value) is float else value for value in values]


def _is_plain_key(key: Any) -> bool:
    return type(key) is str and not key.startswith(RESERVED_PREFIX)


def _placeholder(value: Any) -> str | None:
    """What a mask without a class puts in place of a value; ``None`` for null and for what is not JSON."""
    if isinstance(value, bool):
        return "<boolean>"
    if isinstance(value, (int, float)):
        return "<number>"
    if isinstance(value, str):
        return "<string>"
    if isinstance(value, dict):
        return "<object>"
    return "<array>" if isinstance(value, (list, tuple)) else None

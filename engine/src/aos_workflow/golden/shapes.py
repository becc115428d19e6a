"""What to do with a dict of some keys at some state: worked out once, then compiled.

Documents repeat their shapes. The first dicts of a shape are walked key by key while their types are noted. A shape
that keeps coming is then compiled: a function is written that checks the types noted so far and does only what has to
be done, with no loop over the keys. It does the same as :meth:`Shape.interpret`, which stays the answer for every dict
with values of other types.

A compiled function looks like this, for the keys ``status, at, output`` under ``.**.at: mask timestamp``::

    def plan(walk, value, levels):
        global shape2
        if not levels:
            raise NeedsAdapting
        if len(value) != 3:
            return None
        try:
            v0 = value[key0]
            v1 = value[key1]
            v2 = value[key2]
        except KeyError:
            return None
        if not (type(v0) is str and type(v1) is str and type(v2) is dict):
            return other_types(walk, value, levels)
        levels -= 1
        leaves = 1
        out = value.copy()
        if matches1(v1):
            walk.hits[0] += 1
            leaves += 1
            out[key1] = placeholder1
        else:
            ...  # ask the next rule
        run = shape2.run  # output most likely has the keys it had the last time
        new = run(walk, v2, levels)
        if new is None:
            shape2 = walk.shape(v2, state2)
            ...
        if new is not v2:
            out[key2] = new
        walk.leaves += leaves
        return out

The source is made of fixed lines and of numbers alone: keys, placeholders and all other data reach the function as
globals, never as source text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from textwrap import dedent
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from aos_workflow.golden.adapt import NeedsAdapting
from aos_workflow.golden.numbers import for_orjson

if TYPE_CHECKING:
    from aos_workflow.golden.rules import Step
    from aos_workflow.golden.selectors import State
    from aos_workflow.golden.walk import Walk

__all__ = ["INERT", "STRIPPED", "Shape"]

Json = dict[str, Any]

INERT = frozenset((str, int, bool, type(None)))
"""Types that are written as they are, wherever no rule applies."""
STRIPPED = object()
"""Stands for a value that a rule removes."""

Plan = Callable[["Walk", Json, int], Json | None]
"""Walks a dict; the number is how many levels of nesting are left. ``None`` if the dict has other keys."""

_HOT = 24
"""Dicts of other types than before that make compiling worth its while: it takes about as long as walking 100 dicts."""
_COMPILED_KEYS = 64
"""A dict with more keys is a table, not a record."""
_TYPES: dict[type, str] = {
    kind: kind.__name__ for kind in (str, int, bool, float, dict, list, tuple)
} | {type(None): "NoneType"}


class Shape:
    """The keys of a dict at one state of the automaton. ``run`` is the plan of the moment."""

    __slots__ = ("_below", "_keys", "_samples", "_steps", "_types", "run")

    def __init__(self, below: Sequence[tuple[str, State]], steps: Sequence[Step]) -> None:
        """``below`` has the state at each key."""
        self._below = below
        self._keys = {key for key, _ in below}
        self._steps = steps
        self._types: list[set[type]] = [set() for _ in below]
        self._samples: list[tuple[type, ...]] = []
        self.run: Plan = self.interpret

    def interpret(self, walk: Walk, value: Json, levels: int) -> Json | None:
        """Walk a dict key by key. The same dict back if nothing changes, else a copy."""
        if not levels:
            raise NeedsAdapting
        if value.keys() != self._keys:
            return None
        self._note(value)
        out = value
        for key, state in self._below:
            old = value[key]
            new = walk.at(old, state, levels - 1)
            if new is not old:
                if out is value:
                    out = value.copy()
                if new is STRIPPED:
                    del out[key]
                else:
                    out[key] = new
        return out

    def _note(self, value: Json) -> None:
        """Remember the types; compile once they have become many."""
        self._samples.append(tuple(type(value[key]) for key, _ in self._below))
        if len(self._samples) < _HOT:
            return
        before = sum(map(len, self._types))
        for types, seen in zip(self._types, zip(*self._samples, strict=True), strict=False):
            types.update(_TYPES.keys() & seen)
        self._samples = []
        if sum(map(len, self._types)) > before and len(self._keys) <= _COMPILED_KEYS:
            self.run = _Writer(self._below, self._types, self._steps, self.interpret).plan()


def _no_plan(walk: Walk, value: Json, levels: int) -> None:
    return None


NO_SHAPE = Shape((), ())
"""Runs no dict."""
NO_SHAPE.run = _no_plan


class _Writer:
    """Writes the function for some keys and the types seen at them."""

    def __init__(
        self,
        below: Sequence[tuple[str, State]],
        types: Sequence[set[type]],
        steps: Sequence[Step],
        other_types: Plan,
    ) -> None:
        self._below = below
        self._types = types
        self._steps = steps
        self._ruled_keys = [bool(state.accepting) for _, state in below]
        self._globals: dict[str, Any] = {
            **{word: kind for kind, word in _TYPES.items()},
            "KeyError": KeyError,
            "NeedsAdapting": NeedsAdapting,
            "STRIPPED": STRIPPED,
            "for_orjson": for_orjson,
            "len": len,
            "other_types": other_types,
            "type": type,
        }

    def plan(self) -> Plan:
        source = "\n    ".join(["def plan(walk, value, levels):", *self._lines()])
        return FunctionType(_compiled(source).replace(), self._globals)

    def _lines(self) -> Iterator[str]:
        count = len(self._below)
        yield f"global {', '.join(f'shape{i}' for i in range(count))}"
        yield from _lines(
            """
            if not levels:
                raise NeedsAdapting
            if len(value) != COUNT or keyLAST not in value:
                return None
            """.replace("COUNT", str(count)).replace("LAST", str(count - 1))
        )
        yield "try:"
        yield from (f"    v{i} = value[key{i}]" for i in range(count))
        yield "except KeyError:"
        yield "    return None"
        checks = (_type_check(f"v{i}", types) for i, types in enumerate(self._types))
        yield f"if not ({' and '.join(checks)}):"
        yield "    return other_types(walk, value, levels)"
        yield "levels -= 1"
        inert = [types <= INERT for types in self._types]
        yield f"leaves = {sum(a and not b for a, b in zip(inert, self._ruled_keys, strict=True))}"
        yield f"out = value{'.copy()' if any(self._ruled_keys) else ''}"
        for i, (key, state) in enumerate(self._below):
            self._globals |= {f"key{i}": key, f"state{i}": state, f"shape{i}": NO_SHAPE}
            if state.accepting:
                yield from self._ruled(i, state)
            elif not inert[i]:
                yield from self._plain(i, state)
        yield "walk.leaves += leaves"
        yield "return out"

    def _plain(self, i: int, state: State) -> Iterator[str]:
        """A key at which no rule applies, but whose values need a look."""
        types = self._types[i]
        word = "if"
        for kind, template in (
            (float, _FLOAT),
            (dict, _DICT),
            (list, _LIST),
            (tuple, _LIST),
        ):
            lines = _lines(template, i)
            if types == {kind}:
                yield from lines
            elif kind in types:
                yield f"{word} type(v{i}) is {_TYPES[kind]}:"
                yield from (f"    {line}" for line in lines)
                word = "elif"
        if types & INERT:
            yield "else:"
            yield "    leaves += 1"

    def _ruled(self, i: int, state: State) -> Iterator[str]:
        """A key at which rules apply. Checked masks and aliases, by far the most common, are done in place."""
        number = state.accepting[0]
        step = self._steps[number]
        only_text = self._types[i] == {str}
        if step.action == "mask" and step.matches and not step.blind:
            self._globals[f"placeholder{i}"] = step.placeholder
            fast = _MASK
        elif step.action == "alias" and step.matches and only_text:
            self._globals[f"class{i}"] = step.class_name
            fast = _ALIAS
        else:
            yield from _lines(_RULED, i)
            return
        self._globals[f"matches{i}"] = (only_text and step.text_passes) or step.matches
        yield f"if matches{i}(v{i}):"
        yield f"    walk.hits[{number}] += 1"
        yield "    leaves += 1"
        yield from (f"    {line}" for line in _lines(fast, i))
        yield "else:"
        yield from (f"    {line}" for line in _lines(_RULED, i))


_MASK = "out[key#] = placeholder#"
_ALIAS = """
alias = (class#, v#)
aliases = walk.aliases
aliases.given += 1
out[key#] = aliases.marks.get(alias) or aliases.new_mark(alias)
"""
_RULED = """
new = walk.ruled(v#, state#, levels)
if new is STRIPPED:
    del out[key#]
else:
    out[key#] = new
"""
_SET_IF_NEW = """
if new is not v#:
    if out is value:
        out = value.copy()
    out[key#] = new
"""
_FLOAT = """
leaves += 1
if not (v# % 1.0 and 1e-5 <= v# < 1e16):
    new = for_orjson(v#)
    if new is not v#:
        if out is value:
            out = value.copy()
        out[key#] = new
"""
_DICT = f"""
run = shape#.run
new = run(walk, v#, levels)
if new is None:
    shape# = walk.shape(v#, state#)
    run = shape#.run
    new = run(walk, v#, levels)
{_SET_IF_NEW}
"""
_LIST = f"""
new = walk.sequence(v#, state#, levels)
{_SET_IF_NEW}
"""


def _lines(template: str, number: int | str = "") -> list[str]:
    """The lines of a template, with the number of a key in place of ``#``."""
    return [line for line in dedent(template).replace("#", str(number)).splitlines() if line]


def _type_check(name: str, types: set[type]) -> str:
    parts = [
        f"{name} is None" if kind is type(None) else f"type({name}) is {word}"
        for kind, word in _TYPES.items()
        if kind in types
    ]
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"


@lru_cache(maxsize=1024)
def _compiled(source: str) -> CodeType:
    """The code of the one function in ``source``; shapes of like types share it."""
    module = compile(source, f"<plan in {__name__}>", "exec")
    return next(code for code in module.co_consts if isinstance(code, CodeType))

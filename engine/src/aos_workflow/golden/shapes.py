"""What to do with a dict of some keys at some state: worked out once, then compiled.

Documents repeat their shapes. The first dicts of a shape are walked key by key while their types are noted. A shape
that keeps coming is then compiled: a function is written that checks the types noted so far and does only what has to
be done, with no loop over the keys. It does the same as :meth:`Shape.interpret`, which stays the answer for every dict
with values of other types.

A compiled function looks like this, for the keys ``at, output, status`` under ``.**.at: mask timestamp``::

    def plan(walk, value, levels):
        if not levels:
            raise NeedsAdapting
        if len(value) != 3 or key2 not in value:
            return None
        try:
            v0 = value[key0]
            v1 = value[key1]
            known = type(v0) is str and type(v1) is dict and type(value[key2]) is str
        except KeyError:
            return None
        if not known:
            return other_types(walk, value, levels)
        walk.leaves += 2
        levels -= 1
        hits = walk.hits
        out = value.copy()
        if matches0(v0):
            hits[0] += 1
            out[key0] = placeholder0
        else:
            ...  # the next rule may accept it
        new = near1[0].run(walk, v1, levels)  # most likely it has the keys it had the last time
        if new is None:
            near1[0] = shape = find1((*v1,)) or walk.shape(v1, state1)
            new = shape.run(walk, v1, levels)
        if new is not v1:
            out[key1] = new
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
_SCALAR = INERT | {float}
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
        """``below`` has the state at each key, in the order of the canonical text."""
        self._below = below
        self._keys = {key for key, _ in below}
        self._steps = steps
        self._types: list[frozenset[type]] = [frozenset()] * len(below)
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
        seen = zip(*self._samples, strict=True)
        types = [old | (_TYPES.keys() & new) for old, new in zip(self._types, seen, strict=False)]
        self._samples = []
        if types != self._types and len(self._keys) <= _COMPILED_KEYS:
            self._types = types
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
        types: Sequence[frozenset[type]],
        steps: Sequence[Step],
        other_types: Plan,
    ) -> None:
        self._below = below
        self._types = types
        self._steps = steps
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
        scalars = [types <= _SCALAR for types in self._types]
        inert = [types <= INERT for types in self._types]
        ruled = [bool(state.accepting) for _, state in self._below]
        self._globals |= {f"key{i}": key for i, (key, _) in enumerate(self._below)}
        yield from _lines(_HEAD.replace("COUNT", str(count)), count - 1)
        yield "try:"
        checks = []
        for i, types in enumerate(self._types):
            if inert[i] and not ruled[i] and len(types) == 1:
                checks.append(_type_check(f"value[key{i}]", types))
            else:
                checks.append(_type_check(f"v{i}", types))
                yield f"    v{i} = value[key{i}]"
        yield f"    known = {' and '.join(checks)}"
        yield from _lines(_OTHER)
        yield f"walk.leaves += {sum(a or b for a, b in zip(scalars, ruled, strict=True))}"
        if all(inert) and not any(ruled):
            yield "return value"
            return
        yield "levels -= 1"
        yield "hits = walk.hits"
        yield f"out = value{'.copy()' if any(ruled) else ''}"
        for i, (_, state) in enumerate(self._below):
            self._globals[f"state{i}"] = state
            if ruled[i]:
                yield from self._ruled(i, state)
            elif not inert[i]:
                yield from self._plain(i, state)
        yield "return out"

    def _plain(self, i: int, state: State) -> Iterator[str]:
        """A key at which no rule applies, but whose values need a look."""
        types = self._types[i]
        self._globals[f"near{i}"] = [NO_SHAPE]
        self._globals[f"find{i}"] = state.shapes.get
        list_lines = _LIST
        if state.item and not state.item.accepting and not state.by_index:
            self._globals[f"item{i}"] = state.item
            list_lines = _ITEMS
        word = "if"
        for kind, template in (
            (float, _FLOAT),
            (dict, _DICT),
            (list, list_lines),
            (tuple, list_lines),
        ):
            lines = _lines(template, i)
            if types == {kind}:
                yield from lines
            elif kind in types:
                yield f"{word} type(v{i}) is {_TYPES[kind]}:"
                yield from (f"    {line}" for line in lines)
                if kind is float and not types <= _SCALAR:
                    yield "    walk.leaves += 1"
                word = "elif"
        if types & INERT and not types <= _SCALAR:
            yield "else:"
            yield "    walk.leaves += 1"

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
        yield f"    hits[{number}] += 1"
        yield from (f"    {line}" for line in _lines(fast, i))
        yield "else:"
        yield from (f"    {line}" for line in _lines(_RULED, i))


_HEAD = """
if not levels:
    raise NeedsAdapting
if len(value) != COUNT or key# not in value:
    return None
"""
_OTHER = """
except KeyError:
    return None
if not known:
    return other_types(walk, value, levels)
"""
_MASK = "out[key#] = placeholder#"
_ALIAS = """
aliases = walk.aliases
aliases.given += 1
alias = (class#, v#)
out[key#] = aliases.texts.get(alias) or aliases.new(alias)
"""
_RULED = """
walk.leaves -= 1
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
if not (v# % 1.0 and 1e-5 <= v# < 1e16):
    new = for_orjson(v#)
    if new is not v#:
        if out is value:
            out = value.copy()
        out[key#] = new
"""
_DICT = f"""
run = near#[0].run
new = run(walk, v#, levels)
if new is None:
    near#[0] = shape = find#((*v#,)) or walk.shape(v#, state#)
    run = shape.run
    new = run(walk, v#, levels)
{_SET_IF_NEW}
"""
_LIST = f"""
new = walk.sequence(v#, state#, levels)
{_SET_IF_NEW}
"""
_ITEMS = f"""
if v# and levels and type(v#[0]) is dict:
    new = walk.each(v#, item#, levels - 1, near#)
else:
    new = walk.sequence(v#, state#, levels)
{_SET_IF_NEW}
"""


def _lines(template: str, number: int | str = "") -> list[str]:
    """The lines of a template, with the number of a key in place of ``#``."""
    return [line for line in dedent(template).replace("#", str(number)).splitlines() if line]


def _type_check(name: str, types: frozenset[type]) -> str:
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

"""What to do with a dict of some keys at some state: worked out once, then compiled.

Documents repeat their shapes. The first dicts of a shape are walked key by key while their types are noted. A shape
that keeps coming is then compiled: a function is written that checks the types noted so far and does only what has to
be done, with no loop over the keys. It does the same as :meth:`Shape.interpret`, which stays the answer for every dict
with values of other types. For the keys ``at, output, status`` under ``.**.at: mask timestamp`` it is::

    def run(walk, value, levels):
        if not levels:
            raise NeedsAdapting
        below = levels - 1
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
        out = value.copy()
        if matches0(v0):
            walk.hits[0] += 1
            out[key0] = placeholder0
        else:
            ...  # the next rule may accept it
        new = near1[0].run(walk, v1, below)  # most likely it has the keys it had the last time
        if new is None:
            near1[0] = shape = find1((*v1,)) or walk.shape(v1, state1)
            new = shape.run(walk, v1, below)
        if new is not v1:
            out[key1] = new
        return out

The source is made of fixed lines and of numbers alone: keys, placeholders and all other data reach it as
variables of the function around it, never as source text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from textwrap import dedent
from types import CodeType
from typing import TYPE_CHECKING, Any

from aos_workflow.golden.adapt import NeedsAdapting
from aos_workflow.golden.numbers import for_orjson

if TYPE_CHECKING:
    from aos_workflow.golden.rules import Step
    from aos_workflow.golden.selectors import State
    from aos_workflow.golden.walk import Walk

__all__ = ["INERT", "NO_SHAPE", "STRIPPED", "Shape"]

Json = dict[str, Any]

INERT = frozenset((str, int, bool, type(None)))
"""Types that are written as they are, wherever no rule applies."""
_SCALAR = INERT | {float}
STRIPPED = object()
"""Stands for a value that a rule removes."""

Run = Callable[["Walk", Json, int], Json | None]
"""Walks a dict; the number is how many levels of nesting are left. ``None`` if the dict has other keys."""
_HOT = 256
"""Dicts to walk before a function is written for them, which takes as long as walking some hundred."""
_SAMPLES = 32
"""The last of these, whose types are noted."""
_COMPILED_KEYS = 64
"""A dict with more keys is a table, not a record."""
_TYPES: dict[type, str] = {
    kind: kind.__name__ for kind in (str, int, bool, float, dict, list, tuple)
} | {type(None): "NoneType"}


class Shape:
    """The keys of a dict at one state of the automaton, and the best known way to walk such dicts."""

    __slots__ = ("_below", "_keys", "_steps", "_types", "_uses", "run")

    def __init__(self, below: Sequence[tuple[str, State]], steps: Sequence[Step]) -> None:
        """``below`` has the state at each key, in the order of the canonical text."""
        self._below = below
        self._keys = {key for key, _ in below}
        self._steps = steps
        self._types = [frozenset[type]()] * len(below)
        self._uses = 0
        self.run: Run = self.interpret

    def interpret(self, walk: Walk, value: Json, levels: int) -> Json | None:
        """Walk a dict key by key. The same dict back if nothing changes, else a copy."""
        if not levels:
            raise NeedsAdapting
        if value.keys() != self._keys:
            return None
        self._uses += 1
        if self._uses > _HOT - _SAMPLES:
            self._note(value)
        out = value
        for key, state in self._below:
            old = value[key]
            if type(old) in INERT and not state.accepting:
                walk.leaves += 1
                continue
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
        """Add the types of a dict to those that are known; after the last sample, write the function."""
        types = [
            known | (_TYPES.keys() & {type(value[key])})
            for (key, _), known in zip(self._below, self._types, strict=True)
        ]
        if self._uses >= _HOT and 0 < len(self._keys) <= _COMPILED_KEYS:
            self._uses = 0
            self.run = _Writer(self._below, types, self._steps, self.interpret).run()
        self._types = types


NO_SHAPE = Shape((), ())
"""Runs no dict."""
NO_SHAPE.run = lambda walk, value, levels: None


class _Writer:
    """Writes the functions for some keys and the types seen at them."""

    def __init__(
        self,
        below: Sequence[tuple[str, State]],
        types: Sequence[frozenset[type]],
        steps: Sequence[Step],
        other_types: Run,
    ) -> None:
        self._below = below
        self._types = types
        self._steps = steps
        self._is_ruled = [bool(state.accepting) for _, state in below]
        self._variables: dict[str, Any] = {
            **{word: kind for kind, word in _TYPES.items()},
            "KeyError": KeyError,
            "NeedsAdapting": NeedsAdapting,
            "STRIPPED": STRIPPED,
            "for_orjson": for_orjson,
            "len": len,
            "other_types": other_types,
            "type": type,
        }
        for i, (key, state) in enumerate(below):
            self._variables |= {
                f"key{i}": key,
                f"state{i}": state,
                f"item{i}": state.item,
                f"find{i}": state.shapes.get,
                f"near{i}": [NO_SHAPE],
            }
        self._leaves = sum(
            ruled or kinds <= _SCALAR for ruled, kinds in zip(self._is_ruled, types, strict=True)
        )

    def run(self) -> Run:
        body = _indented(_indented(self._lines()))
        source = [
            f"def make({', '.join(self._variables)}):",
            "    def run(walk, value, levels):",
            *body,
            "    return run",
        ]
        namespace: dict[str, Any] = {}
        exec(_compiled("\n".join(source)), namespace)  # noqa: S102 - fixed lines and numbers only
        made: Run = namespace["make"](**self._variables)
        return made

    def _lines(self) -> Iterator[str]:
        yield from _lines(_DEPTH)
        yield from self._look()
        yield f"walk.leaves += {self._leaves}"
        yield "out = value.copy()" if any(self._is_ruled) else "out = value"
        for i, types in enumerate(self._types):
            if self._is_ruled[i]:
                yield from self._ruled(i)
            elif not types <= INERT:
                yield from self._plain(i)
        yield "return out"

    def _look(self) -> Iterator[str]:
        """Whether ``value`` has the keys, and the types are known."""
        last = len(self._below) - 1
        yield f"if len(value) != {last + 1} or key{last} not in value:"
        yield "    return None"
        yield "try:"
        checks = []
        for i, types in enumerate(self._types):
            place = f"value[key{i}]"
            if len(types) > 1 or self._is_ruled[i] or not types <= INERT:
                yield f"    v{i} = {place}"
                place = f"v{i}"
            checks.append(_type_check(place, types))
        yield f"    known = {' and '.join(checks)}"
        yield "except KeyError:"
        yield "    return None"
        yield "if not known:"
        yield "    return other_types(walk, value, levels)"

    def _plain(self, i: int) -> Iterator[str]:
        """A key at which no rule applies, but whose values need a look."""
        types = self._types[i]
        state = self._below[i][1]
        only_items = state.item and not state.item.accepting and not state.by_index
        word = "if"
        for kind, template in (
            (float, _FLOAT),
            (dict, _DICT),
            (list, _ITEMS if only_items else _LIST),
            (tuple, _ITEMS if only_items else _LIST),
        ):
            lines = _lines(template, i)
            if types == {kind}:
                yield from lines
            elif kind in types:
                yield f"{word} type(v{i}) is {_TYPES[kind]}:"
                yield from _indented(lines)
                if kind is float and not types <= _SCALAR:
                    yield "    walk.leaves += 1"
                word = "elif"
        if types & INERT and not types <= _SCALAR:
            yield "else:"
            yield "    walk.leaves += 1"

    def _ruled(self, i: int) -> Iterator[str]:
        """A key at which rules apply. Checked masks and aliases, by far the most common, are done in place."""
        state = self._below[i][1]
        number = state.accepting[0]
        step = self._steps[number]
        only_text = self._types[i] == {str}
        if step.action == "mask" and step.matches and not step.blind:
            self._variables[f"placeholder{i}"] = step.placeholder
            fast = _MASK
        elif step.action == "alias" and step.matches and only_text:
            self._variables[f"class{i}"] = step.class_name
            fast = _ALIAS
        else:
            yield from _lines(_RULED, i)
            return
        self._variables[f"matches{i}"] = (only_text and step.text_passes) or step.matches
        yield f"if matches{i}(v{i}):"
        yield f"    walk.hits[{number}] += 1"
        yield from _indented(_lines(fast, i))
        yield "else:"
        yield from _indented(_lines(_RULED, i))


_DEPTH = """
if not levels:
    raise NeedsAdapting
below = levels - 1
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
walk.put_ruled(out, key#, state#, below)
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
new = run(walk, v#, below)
if new is None:
    near#[0] = shape = find#((*v#,)) or walk.shape(v#, state#)
    run = shape.run
    new = run(walk, v#, below)
{_SET_IF_NEW}
"""
_LIST = f"""
new = walk.sequence(v#, state#, below)
{_SET_IF_NEW}
"""
_ITEMS = f"""
if v# and below and type(v#[0]) is dict:
    new = walk.each(v#, item#, below - 1, near#)
else:
    new = walk.sequence(v#, state#, below)
{_SET_IF_NEW}
"""


def _indented(lines: Iterable[str]) -> list[str]:
    return ["    " + line for line in lines]


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
    """Shapes of like types share the code."""
    return compile(source, f"<written by {__name__}>", "exec")

"""Aliases: ``<uuid#1>`` for the first id that appears, ``<uuid#2>`` for the next, the same again for the same id.

Numbers are given by first appearance in the canonical text, the one order that the insertion order of dicts cannot
change. The walk visits a value in that order, so it can number at once, unless something is sorted later by what it
holds: then a *mark* stands in the value's place until the text is there.
"""

from __future__ import annotations

import re
from functools import lru_cache

from aos_workflow.golden.adapt import NeedsAdapting

__all__ = ["MARK_CHARACTERS", "Alias", "Aliases", "LateAliases", "MarkCollision"]

Alias = tuple[str, str | tuple[str]]
"""The class, and the text; the spelling of a number in a tuple, so that it never has the alias of a text."""

MARK_CHARACTERS = "\x7f\x80\x81\x82"
"""Characters that hardly occur in data. Tried one after the other; JSON text may hold them as they are."""
_DIGITS = 9
_SURROGATE = re.compile("[\ud800-\udfff]")


class MarkCollision(Exception):  # noqa: N818 - a request, not an error
    """A text of the user holds the mark character too; try again with the next."""


class Aliases:
    """The aliases of one value, numbered as they are met. ``texts`` has those that were met already."""

    __slots__ = ("_counts", "given", "texts")

    def __init__(self) -> None:
        self.texts: dict[Alias, str] = {}
        self.given = 0
        """How many values were replaced, counting repeated ones."""
        self._counts: dict[str, int] = {}

    def text(self, alias: Alias) -> str:
        """What is put in the place of an alias."""
        self.given += 1
        return self.texts.get(alias) or self.new(alias)

    def new(self, alias: Alias) -> str:
        """:meth:`text` for an alias that was not met before.

        Raises:
            NeedsAdapting: the text has a lone surrogate.
        """
        _refuse_surrogates(alias)
        name = alias[0]
        number = self._counts[name] = self._counts.get(name, 0) + 1
        text = self.texts[alias] = f"<{name}#{number}>"
        return text

    def within(self) -> Aliases:
        """Aliases of their own for a part of the value that nobody sees from outside."""
        return Aliases()

    def blank(self, text: bytes) -> bytes:
        """A JSON text by which values are sorted: no id decides the order."""
        return text

    def finish(self, text: bytes) -> bytes:
        """The JSON text of the whole value with every alias in it."""
        return text


class LateAliases(Aliases):
    """Aliases that are numbered in the finished text. A mark is the character and a number of fixed length."""

    __slots__ = ("_character", "_names")

    def __init__(self, character: str) -> None:
        super().__init__()
        self._character = character
        self._names: list[str] = []

    def new(self, alias: Alias) -> str:
        _refuse_surrogates(alias)
        mark = self.texts[alias] = f"{self._character}{len(self._names):0{_DIGITS}}"
        self._names.append(alias[0])
        return mark

    def within(self) -> Aliases:
        return LateAliases(self._character)

    def blank(self, text: bytes) -> bytes:
        """Every mark is replaced by its class."""
        if not self.given:
            return text
        return _marks(self._character).sub(lambda mark: b"<%b>" % self._name(mark[1]), text)

    def finish(self, text: bytes) -> bytes:
        """Every mark is replaced by its alias.

        Raises:
            MarkCollision: the text holds more marks than were given.
        """
        if not self.given:
            return text
        if text.count(self._character.encode()) != self.given:
            raise MarkCollision
        before, *rest = _marks(self._character).split(text)
        counts: dict[bytes, int] = {}
        aliases: dict[bytes, bytes] = {}
        for mark in dict.fromkeys(rest[::2]):
            name = self._name(mark)
            counts[name] = counts.get(name, 0) + 1
            aliases[mark] = b"<%b#%d>" % (name, counts[name])
        rest[::2] = [aliases[mark] for mark in rest[::2]]
        return b"".join([before, *rest])

    def _name(self, number: bytes) -> bytes:
        if int(number) >= len(self._names):
            raise MarkCollision
        return self._names[int(number)].encode()


def _refuse_surrogates(alias: Alias) -> None:
    value = alias[1]
    if type(value) is str and not value.isascii() and _SURROGATE.search(value):
        raise NeedsAdapting(value)


@lru_cache(maxsize=len(MARK_CHARACTERS))
def _marks(character: str) -> re.Pattern[bytes]:
    return re.compile(re.escape(character.encode()) + rb"([0-9]{%d})" % _DIGITS)

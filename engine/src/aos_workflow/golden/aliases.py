"""Aliases: ``<uuid#1>`` for the first id that appears, ``<uuid#2>`` for the next, the same again for the same id.

Numbers are given by first appearance in the canonical text, which is the one order that neither the insertion order of
dicts nor the walk can change. Until then a *mark* stands in the value's place: a text of one character that hardly
occurs in data and of a number by which the value is found again.
"""

from __future__ import annotations

import re
from functools import lru_cache

from aos_workflow.golden.adapt import NeedsAdapting

__all__ = ["MARK_CHARACTERS", "Aliases", "MarkCollision"]

MARK_CHARACTERS = "\x7f\x80\x81\x82"
"""Tried one after the other. JSON text may hold them as they are, so that each can be found as it is; the first is a
single byte in UTF-8, which is found fastest."""
_DIGITS = 9
_SURROGATE = re.compile("[\ud800-\udfff]")

Alias = tuple[str, str | tuple[str]]
"""The class, and the text; the spelling of a number in a tuple, so that it never has the alias of a text."""


class MarkCollision(Exception):  # noqa: N818 - a request, not an error
    """A text of the user holds the mark character too; try again with the next."""


class Aliases:
    """The aliases of one value."""

    __slots__ = ("character", "classes", "given", "marks")

    def __init__(self, character: str = MARK_CHARACTERS[0]) -> None:
        self.character = character
        self.marks: dict[Alias, str] = {}
        self.classes: list[str] = []
        """The class of each mark."""
        self.given = 0
        """How many marks stand in the value, counting repeated ones."""

    def mark(self, alias: Alias) -> str:
        """The text that stands for an alias until the aliases are numbered."""
        self.given += 1
        return self.marks.get(alias) or self.new_mark(alias)

    def new_mark(self, alias: Alias) -> str:
        """:meth:`mark` for an alias that has none yet.

        Raises:
            NeedsAdapting: the text has a lone surrogate.
        """
        class_name, value = alias
        if type(value) is str and not value.isascii() and _SURROGATE.search(value):
            raise NeedsAdapting(value)
        mark = self.marks[alias] = f"{self.character}{len(self.classes):0{_DIGITS}}"
        self.classes.append(class_name)
        return mark

    def number(self, text: bytes) -> bytes:
        """The JSON text in which each mark is replaced by its alias.

        Raises:
            MarkCollision: the character occurs more often than marks were given.
        """
        if not self.given:
            return text
        start = self.character.encode()
        skipped = len(start)
        length = skipped + _DIGITS
        aliases: dict[bytes, bytes] = {}
        counts: dict[str, int] = {}
        parts = []
        end = 0
        at = text.find(start)
        for _ in range(self.given):
            mark = text[at : at + length]
            alias = aliases.get(mark)
            if alias is None:
                try:
                    name = self.classes[int(mark[skipped:])]
                except (ValueError, IndexError):
                    raise MarkCollision from None
                count = counts[name] = counts.get(name, 0) + 1
                alias = aliases[mark] = f"<{name}#{count}>".encode()
            parts.append(text[end:at])
            parts.append(alias)
            end = at + length
            at = text.find(start, end)
        if at >= 0:
            raise MarkCollision
        parts.append(text[end:])
        return b"".join(parts)

    def blank(self, text: bytes) -> bytes:
        """The JSON text with every mark replaced by its class alone: an order that no id decides."""
        if not self.given:
            return text
        return _mark_pattern(self.character).sub(
            lambda found: f"<{self.classes[int(found[1])]}>".encode(), text
        )


@lru_cache(maxsize=len(MARK_CHARACTERS))
def _mark_pattern(character: str) -> re.Pattern[bytes]:
    return re.compile(re.escape(character.encode()) + rb"([0-9]{%d})" % _DIGITS)

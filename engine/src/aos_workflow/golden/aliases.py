"""Aliases: ``<uuid#1>`` for the first id that appears, ``<uuid#2>`` for the next, the same again for the same id.

Numbers are given by first appearance in the canonical text, which is the one order that neither the insertion order of
dicts nor the walk can change. Until then a marked text stands in the value's place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

__all__ = ["Aliases"]


class Aliases:
    """The marks of one value. ``attempt`` varies the mark, should a text of the user look like one."""

    __slots__ = ("_attempt", "_mark", "count")

    def __init__(self, attempt: int = 0) -> None:
        self._attempt = attempt
        self._mark = "\x00\x01" + "\x02" * attempt + ":"
        self.count = 0

    def mark(self, class_name: str, value: str | float) -> str:
        """The text that stands for ``value`` until the aliases are numbered. Text and number never coincide."""
        self.count += 1
        kind = "s" if type(value) is str else "n"
        return f"{self._mark}{class_name}:{kind}{value}"

    def mark_texts(self, class_name: str, values: Sequence[str]) -> list[str]:
        """:meth:`mark` for many texts."""
        self.count += len(values)
        start = f"{self._mark}{class_name}:s"
        return [start + value for value in values]

    def number(self, text: bytes) -> bytes | None:
        """The JSON text with every mark numbered; ``None`` if a text of the user looks like a mark."""
        if not self.count:
            return text
        start, pattern = _patterns(self._attempt)
        first, *rest = text.split(start)
        if len(rest) != self.count:
            return None
        numbers: dict[bytes, bytes] = {}
        counts: dict[bytes, int] = {}
        parts = [first]
        for part in rest:
            marked, _, after = part.partition(b'"')
            if b"\\" in marked:
                found = pattern.match(part)
                assert found is not None, "a mark is a JSON text and ends with a quote"
                marked, after = found[0], part[found.end() + 1 :]
            alias = numbers.get(marked)
            if alias is None:
                name = marked.partition(b":")[0]
                counts[name] = counts.get(name, 0) + 1
                alias = numbers[marked] = b'"<%b#%d>"' % (name, counts[name])
            parts.append(alias)
            parts.append(after)
        return b"".join(parts)

    def blank(self, text: bytes) -> bytes:
        """The JSON text with every mark replaced by its class alone: an order that no id decides."""
        if not self.count:
            return text
        start, _ = _patterns(self._attempt)
        return re.sub(re.escape(start) + rb'([a-z_]+):(?:[^"\\]|\\.)*"', rb'"<\1>"', text)


@lru_cache(maxsize=16)
def _patterns(attempt: int) -> tuple[bytes, re.Pattern[bytes]]:
    """How a mark begins in JSON text, and what follows up to its closing quote."""
    start = b'"\\u0000\\u0001' + b"\\u0002" * attempt + b":"
    return start, re.compile(rb'(?:[^"\\]|\\.)*')

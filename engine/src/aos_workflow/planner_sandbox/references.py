"""``${step.path}``: the grammar of ``spec``, read here without it, because a plan is judged before it is a spec."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

__all__ = ["PLACEHOLDER", "Reference", "Split", "split"]

PLACEHOLDER = "aosreference"
"""Stands for what a reference will give, where the rest of a text is judged."""

_REFERENCE = re.compile(
    r"\$\{(?P<source>[A-Za-z_][A-Za-z0-9_-]{0,63})"
    r'(?P<path>(?:\.[A-Za-z_$][A-Za-z0-9_$-]*|\[\s*-?[0-9]{1,12}\s*\]|\[\s*"(?:[^"\\]|\\.){0,256}+"\s*\])*+)'
    r"\??\}"
)
_OPENING = re.compile(r"\$\$\{|\$\{")
_SEGMENT = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_UNSAFE = frozenset(["constructor", "prototype"])


class Reference(NamedTuple):
    """One reference: the step it names and the names on its path."""

    source: str
    names: tuple[str, ...]

    @property
    def unsafe_name(self) -> str | None:
        """A name on the path that reaches into objects instead of data."""
        for name in self.names:
            if (name.startswith("__") and name.endswith("__")) or name in _UNSAFE:
                return name
        return None


class Split(NamedTuple):
    """A text with its references taken out.

    ``text`` has a placeholder for each, and escapes undone; ``malformed`` is the first ``${`` that begins none.
    """

    text: str
    references: tuple[Reference, ...]
    malformed: str | None
    is_whole: bool


def split(text: str, sources: Container[str]) -> Split:
    """The references of a text, and what is left of it. What refers to none of ``sources`` is left as it is."""
    if "${" not in text:
        return Split(text, (), None, False)
    parts, references, malformed = [], [], None
    at = 0
    for opening in _OPENING.finditer(text):
        if opening.start() < at:  # inside the quoted key of the last one
            continue
        parts.append(text[at : opening.start()])
        at = opening.end()
        found = None if opening[0] == "$${" else _REFERENCE.match(text, opening.start())
        if found:
            references.append(Reference(found["source"], tuple(_SEGMENT.findall(found["path"]))))
            parts.append(PLACEHOLDER if found["source"] in sources else found[0])
            at = found.end()
        else:
            parts.append("${")
            if opening[0] == "${" and malformed is None:
                malformed = text[opening.start() : opening.start() + 80]
    parts.append(text[at:])
    is_whole = len(references) == 1 and "".join(parts).strip() == PLACEHOLDER
    return Split("".join(parts), tuple(references), malformed, is_whole)

"""Telling people's sentences from payloads: what a text says outside its code, and whether it says anything."""

from __future__ import annotations

import re

__all__ = ["is_mention", "is_prose", "outside_code"]

_WORD = re.compile(r"(?<![\w/.$@=-])[^\W\d_]{2,}(?=[\s,.!?;:)'\"]|$)")
_FOREIGN = re.compile(r"[^\W\d_\x00-\x7f]")
_FENCE = re.compile(r"(?:\A|\n)[ \t]{0,8}``` ?\w{0,20}[^`\n]{0,80}\n")
_PROSE_CHARS = 100
_PROSE_WORDS = 12
_LOOKED_AT_CHARS = 4096
_FOREIGN_LETTERS = 8


def outside_code(text: str) -> str:
    """The text without its Markdown code, fenced or between backticks.

    A text that is nothing but one piece between backticks is no Markdown, so all of it stays.
    """
    if "`" not in text:
        return text
    fenceless = " ".join(text.split("```")[::2])
    parts = fenceless.split("`")
    if len(parts) % 2 == 0:  # the last backtick opens nothing
        parts[-2:] = [" ", "`".join(parts[-2:])]
    rest = " ".join(parts[::2])
    has_fence = _FENCE.search(text) is not None
    return rest if has_fence or _words(rest, 2) else text


def is_prose(text: str) -> bool:
    """Whether a text is some sentences and not a name, a value or a command."""
    return len(text) >= _PROSE_CHARS and _words(text, _PROSE_WORDS)


def is_mention(text: str, found: str, *, words: int) -> bool:
    """Whether at least ``words`` words of prose stand around a part of a text."""
    return _words(text[:_LOOKED_AT_CHARS].replace(found, " ", 1), words)


def _words(text: str, at_least: int) -> bool:
    text = text[:_LOOKED_AT_CHARS]
    return len(_WORD.findall(text)) >= at_least or len(_FOREIGN.findall(text)) >= _FOREIGN_LETTERS

"""Values as HTML: escaped, masked, bounded, with what differs marked."""

from __future__ import annotations

import json
import re
from html import escape
from itertools import islice
from typing import Any

from aos_workflow.golden.align import align
from aos_workflow.golden.diff import is_secret_key

__all__ = ["clipped", "pretty", "side_by_side", "visible"]

MAX_VALUE = 2_000
"""Characters of a value that are shown."""
MAX_WHOLE = 6_000
"""Characters of a whole step that are shown."""
MAX_TOKENS = 400
"""Words up to which two texts are marked word by word; beyond, from the first to the last difference."""
CONTEXT = 120
"""Characters before the first difference of a long text that are shown."""

_LEFT_OUT = "<span class=soft>… </span>"
_TOKENS = re.compile(r"\w+|\s+|[^\w\s]")


def visible(text: str) -> str:
    """The text, escaped; what cannot be seen, or would reorder what is seen, is spelled out."""
    if not text.replace("\n", "").isprintable():
        text = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
    return escape(text)


def clipped(text: str, limit: int = MAX_VALUE) -> str:
    """The text as HTML, of at most ``limit`` characters; says how many are left out."""
    if len(text) <= limit:
        return visible(text)
    return (
        f"{visible(text[:limit])}<span class=soft> … {len(text) - limit:,} more characters</span>"
    )


def pretty(value: Any, *, limit: int = MAX_WHOLE) -> str:
    """A whole value as indented JSON in HTML, secrets masked by their keys."""
    return clipped(json.dumps(_masked(value, [limit]), indent=2, ensure_ascii=False), limit)


def side_by_side(expected: Any, got: Any, *, secret: bool = False) -> tuple[str, str]:
    """Both values as HTML, with what differs in ``<del>`` and ``<ins>``."""
    if secret:
        return "***", "***"
    return _marked(_text(expected), _text(got))


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(_masked(value, [MAX_VALUE]), indent=2, ensure_ascii=False)
    if isinstance(value, int) and value.bit_length() > 4 * MAX_VALUE:
        return f"<number of {value.bit_length():,} bits>"
    return json.dumps(value, ensure_ascii=False)


def _masked(value: Any, room: list[int]) -> Any:
    """The value without secrets, and cut after ``room`` parts: more would not be shown."""
    room[0] -= 1
    if room[0] < 0:
        return "…"
    if isinstance(value, dict):
        some = islice(value.items(), max(1, room[0]))
        return {key: "***" if is_secret_key(key) else _masked(item, room) for key, item in some}
    if isinstance(value, list):
        return [_masked(item, room) for item in islice(value, max(1, room[0]))]
    if isinstance(value, int) and value.bit_length() > 4 * MAX_VALUE:
        return f"<number of {value.bit_length():,} bits>"
    return value


def _marked(left: str, right: str) -> tuple[str, str]:
    start, end = _common_ends(left, right)
    skip = max(0, start - CONTEXT) if max(len(left), len(right)) > MAX_VALUE else 0
    head = (_LEFT_OUT if skip else "") + visible(left[skip:start])
    tail = clipped(left[len(left) - end :], CONTEXT)
    a, b = left[start : len(left) - end], right[start : len(right) - end]
    lefts, rights = _TOKENS.findall(a[:MAX_VALUE]), _TOKENS.findall(b[:MAX_VALUE])
    if max(len(a), len(b)) <= MAX_VALUE and max(len(lefts), len(rights)) <= MAX_TOKENS:
        old, new = _by_word(lefts, rights)
    else:
        old, new = _cut("del", a), _cut("ins", b)
    return head + old + tail, head + new + tail


def _common_ends(left: str, right: str) -> tuple[int, int]:
    """How much of both texts is equal in front and behind, in whole words."""
    start = _common(left, right)
    while start and _splits(left, start) | _splits(right, start):
        start -= 1
    end = _common(left[start:][::-1], right[start:][::-1])
    while end and _splits(left, len(left) - end) | _splits(right, len(right) - end):
        end -= 1
    return start, end


def _splits(text: str, at: int) -> bool:
    """Whether a word goes on across this place; one of more than CONTEXT characters may be split."""
    around = text[max(0, at - CONTEXT) : at + 1]
    if not 0 < at < len(text) or not (text[at - 1].isalnum() and text[at].isalnum()):
        return False
    return not (len(around) > CONTEXT and around.isalnum())


def _by_word(left: list[str], right: list[str]) -> tuple[str, str]:
    old = new = ""
    i = j = 0
    for next_i, next_j in (*align(left, right), (len(left), len(right))):
        old += _mark("del", visible("".join(left[i:next_i])))
        new += _mark("ins", visible("".join(right[j:next_j])))
        both = visible("".join(left[next_i : next_i + 1]))
        old, new = old + both, new + both
        i, j = next_i + 1, next_j + 1
    return old, new


def _cut(name: str, text: str) -> str:
    """A long text, marked, and behind the mark how much is left out."""
    if len(text) <= MAX_VALUE:
        return _mark(name, visible(text))
    more = clipped(text)[len(visible(text[:MAX_VALUE])) :]
    return _mark(name, visible(text[:MAX_VALUE])) + more


def _mark(name: str, html: str) -> str:
    return f"<{name}>{html}</{name}>" if html else ""


def _common(left: str, right: str) -> int:
    """Length of the longest common beginning, by bisection: comparing slices is C."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low

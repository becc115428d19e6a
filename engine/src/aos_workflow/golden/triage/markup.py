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
    start = _common(left, right)
    end = _common(left[start:][::-1], right[start:][::-1])
    skip = max(0, start - CONTEXT) if max(len(left), len(right)) > MAX_VALUE else 0
    head = ("<span class=soft>… </span>" if skip else "") + visible(left[skip:start])
    tail = left[len(left) - end :] if end else ""
    a, b = left[start : len(left) - end], right[start : len(right) - end]
    lefts, rights = _TOKENS.findall(a[:MAX_VALUE]), _TOKENS.findall(b[:MAX_VALUE])
    if max(len(a), len(b)) <= MAX_VALUE and max(len(lefts), len(rights)) <= MAX_TOKENS:
        old, new = _by_word(lefts, rights)
    else:
        old, new = _mark("del", clipped(a)), _mark("ins", clipped(b))
    return head + old + clipped(tail, CONTEXT), head + new + clipped(tail, CONTEXT)


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

"""A difference in words: where, expected and got, how they differ, and the rule that would allow it.

No line shows more of a value than the width allows, no control character, and no secret. The only
module that imports deepdiff, and only when a small difference is inside a text or a container.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from math import floor, log10

from aos_workflow.golden.align import align
from aos_workflow.golden.diff import ABSENT, Diff, Entry, exact_key, is_secret_key, json_type
from aos_workflow.golden.paths import Path, format_path
from aos_workflow.golden.secret_scan import redact, shown_path

__all__ = ["describe", "headline", "inner_differences", "propose_rule"]

DEFAULT_WIDTH = 100
MIN_WIDTH = 40
DEFAULT_LINES = 12
"""Lines that one entry may take."""
MAX_INNER_BYTES = 4096
"""Size up to which deepdiff looks inside: its cost grows much faster than the value."""
MAX_TEXT_LINES = 100_000
"""Text up to which line differences are shown, about 0.3 s; beyond, the first difference."""
MAX_HUNK_LINES = 1000
"""Lines of a text difference that are made; how many are shown is up to the caller."""
MAX_ORDER_SCAN = 10_000
"""List elements among which displaced ones are looked for."""
MAX_ROUND_DECIMALS = 15
SIGNIFICANT_DIGITS = 6
"""What a proposed rounding leaves at the least."""

_ALIASED = ("uuid", "ulid", "id")
_MASK = "***"
# Controls, and characters that reorder or hide text in a terminal (Trojan Source, CVE-2021-42574).
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def headline(diff: Diff) -> str:
    """All differences in one line: ``3 values differ: order only``."""
    if diff.equal:
        return "no difference"
    number = f"{diff.total:,}" if diff.complete else f"more than {diff.total:,}"
    subject = "1 value differs" if diff.total == 1 and diff.complete else f"{number} values differ"
    if diff.cause != "value":
        return f"{subject}: {diff.cause} only"
    parts = diff.counts if set(diff.causes) == {"value"} else diff.causes
    words = [f"{number:,} {name.replace('_', ' ')}" for name, number in parts.items()]
    listed = ", ".join(words) if len(words) > 1 else words[0].partition(" ")[2]
    return f"{subject}: {listed}"


def describe(
    entry: Entry, *, width: int = DEFAULT_WIDTH, max_lines: int = DEFAULT_LINES
) -> list[str]:
    """The entry as lines of at most ``width`` characters; the first begins with the path."""
    width = max(width, MIN_WIDTH)
    lines = _lines(entry, width, max_lines)
    if len(lines) > max_lines:
        lines = [*lines[: max_lines - 1], f"  … more lines: {len(lines) - max_lines + 1}"]
    return [_clip(line, width) for line in lines]


def _lines(entry: Entry, width: int, max_lines: int) -> list[str]:
    where = shown_path(entry.path)
    if entry.got_path != entry.path:
        where += f" (now {shown_path(entry.got_path)})"
    where = _clip(where, width - 1)
    if any(is_secret_key(part) for part in entry.path):
        return [f"{where}: {_secretly(entry)}"]
    expected, got = entry.expected, entry.got
    if entry.kind == "reordered" and isinstance(expected, list) and isinstance(got, list):
        return _reordered(where, expected, got, width)
    if expected is ABSENT:
        return _two(where, "not expected", f"got {_shown(got, width)}", width)
    if got is ABSENT:
        return _two(where, f"expected {_shown(expected, width)}", "got nothing", width)
    if isinstance(expected, str) and isinstance(got, str):
        return _texts(where, redact(expected), redact(got), _note(entry), width)
    left, right = _shown(expected, width), _shown(got, width)
    if entry.kind == "type_changed":
        left, right = _typed(expected, left), _typed(got, right)
    first = _two(where, f"expected {left}", f"got {right}", width, _note(entry))
    return [*first, *inner_differences(expected, got, width=width)]


def propose_rule(entry: Entry) -> str | None:
    """The rule under which the entry would pass, if it is no change of value or type.

    Indexes become ``[*]``; what is volatile is matched by its key at any depth. There is none below a credential that
    somebody used as a key.
    """
    if shown_path(entry.path) != format_path(entry.path):
        return None
    if entry.cause == "order":
        return f"{_selector(entry.path)}: sort"
    if entry.cause == "volatile" and entry.volatile_class:
        keys = [at for at, part in enumerate(entry.path) if isinstance(part, str)]
        selector = f".**{_selector(entry.path[keys[-1] :])}" if keys else _selector(entry.path)
        action = "alias" if entry.volatile_class in _ALIASED else "mask"
        return f"{selector}: {action} {entry.volatile_class}"
    if entry.cause == "float":
        decimals = _decimals(entry.expected, entry.got)
        return None if decimals is None else f"{_selector(entry.path)}: round {decimals}"
    return None


def inner_differences(
    expected: object, got: object, *, width: int = DEFAULT_WIDTH, max_lines: int = DEFAULT_LINES
) -> list[str]:
    """What differs inside two small containers, either of which may be given as JSON text.

    Nothing if they are large, equal, or no containers.
    """
    left, right = _opened(expected), _opened(got)
    if not isinstance(left, dict | list) or type(left) is not type(right):
        return []
    if max(len(exact_key(left)), len(exact_key(right))) > MAX_INNER_BYTES:
        return []
    from deepdiff import DeepDiff  # 0.2 s to import

    tree = DeepDiff(left, right, view="tree")
    levels = [level for found in tree.values() for level in found]
    lines: list[tuple[str, str]] = []
    for level in levels:
        path = level.path(output_format="list")
        hidden = any(is_secret_key(part) for part in path)
        old = _MASK if hidden else _inner(level.t1, width)
        new = _MASK if hidden else _inner(level.t2, width)
        where = shown_path(path)
        lines.append((where, _clip(f"  inside, {where}: expected {old}, got {new}", width)))
    return [line for _, line in sorted(lines)][:max_lines]


def _inner(value: object, width: int) -> str:
    if type(value).__name__ == "NotPresent":
        return "nothing"
    return _typed(value, _shown(value, width // 3))


def _opened(value: object) -> object:
    """The container that a text holds as JSON, or the value itself."""
    if isinstance(value, str) and value[:1] in ("{", "[") and len(value) <= MAX_INNER_BYTES:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _note(entry: Entry) -> str:
    if entry.cause == "type":
        return " (only the type differs)"
    if entry.cause == "float":
        return " (rounding)"
    return f" ({entry.volatile_class})" if entry.volatile_class else ""


def _secretly(entry: Entry) -> str:
    expected = "not expected" if entry.expected is ABSENT else f"expected {_MASK}"
    return f"{expected}, got {'nothing' if entry.got is ABSENT else _MASK}"


def _typed(value: object, shown: str) -> str:
    return "null" if value is None else f"{json_type(value)} {shown}"


def _two(where: str, left: str, right: str, width: int, note: str = "") -> list[str]:
    """Both sides in one line if they fit, else below each other."""
    line = f"{where}: {left}, {right}{note}"
    if len(line) <= width:
        return [line]
    return [f"{where}:{note}", f"  {left}", f"  {right.replace('got ', 'got      ', 1)}"]


def _texts(where: str, expected: str, got: str, note: str, width: int) -> list[str]:
    if expected == got:
        return [f"{where}: differs in what looks like a credential"]
    inner = inner_differences(expected, got, width=width)
    whole = _two(
        where, f"expected {_shown(expected, width)}", f"got {_shown(got, width)}", width, note
    )
    if inner or len(whole) == 1:
        return [*whole, *inner]
    if (
        "\n" in expected
        and "\n" in got
        and max(expected.count("\n"), got.count("\n")) < MAX_TEXT_LINES
    ):
        hunks = _line_differences(expected.split("\n"), got.split("\n"), width)
        return [f"{where}:{note}", *islice(hunks, MAX_HUNK_LINES)]
    left, right, mark, at = _around(expected, got, width - len('  expected ""'))
    sizes = f"{len(expected):,} and {len(got):,} characters"
    return [
        f"{where}: differs from character {at:,} on, of {sizes}{note}",
        f'  expected "{left}"',
        f'  got      "{right}"',
        f"{' ' * (len('  expected ') + 1 + mark)}^",
    ]


def _line_differences(expected: list[str], got: list[str], width: int) -> Iterator[str]:
    """The lines that differ as ``-`` and ``+``, after each ``@@`` and the number of the first."""
    i = j = 0
    room = width - 4
    for next_i, next_j in (*align(expected, got), (len(expected), len(got))):
        if i < next_i or j < next_j:
            yield f"  @@ line {i + 1} (now {j + 1}) @@"
            if next_i - i == next_j - j == 1:
                left, right, _, _ = _around(expected[i], got[j], room)
                yield from (f"  - {left}", f"  + {right}")
            else:
                yield from (f"  - {_fitted(line, room)}" for line in expected[i:next_i])
                yield from (f"  + {_fitted(line, room)}" for line in got[j:next_j])
        i, j = next_i + 1, next_j + 1


def _around(expected: str, got: str, room: int) -> tuple[str, str, int, int]:
    """Both texts around their first difference, its column in them, and its index."""
    at, beyond = 0, min(len(expected), len(got)) + 1
    while beyond - at > 1:  # Bisection: comparing slices is C, comparing characters is not.
        middle = (at + beyond) // 2
        if expected[at:middle] == got[at:middle]:
            at = middle
        else:
            beyond = middle
    fit = all(len(text) <= room and len(_escaped(text)) <= room for text in (expected, got))
    lead = room if fit else room // 3
    head, start = "", at
    while start > 0 and len(head) < lead:
        start -= 1
        head = _escaped(expected[start]) + head
    head = ("…" if start else "") + head
    left, right = (head + _fitted(text[at:], room - len(head)) for text in (expected, got))
    return left, right, len(head), at


def _reordered(where: str, expected: list[object], got: list[object], width: int) -> list[str]:
    keys = [exact_key(element) for element in expected[:MAX_ORDER_SCAN]]
    got_keys = [exact_key(element) for element in got[:MAX_ORDER_SCAN]]
    pairs = align(keys, got_keys)
    stay, stay_got = {i for i, _ in pairs}, {j for _, j in pairs}
    now = {key: j for j, key in enumerate(got_keys) if j not in stay_got}
    moved = [(i, now[k]) for i, k in enumerate(keys) if i not in stay and k in now]
    displaced = [(i, j) for i, j in moved if i != j]  # some only saw the others pass
    lines = [f"{where}: the order of {len(expected):,} elements differs"]
    for i, j in displaced[:3]:
        lines.append(f"  [{i}] is now [{j}]: {_shown(expected[i], width - 30)}")
    if len(displaced) > 3:
        lines.append(f"  … {len(displaced) - 3:,} more")
    return lines


def _shown(value: object, room: int) -> str:
    """The value as JSON text, cut to ``room`` characters."""
    text = ""
    for piece in _pieces(value, room):
        text += piece
        if len(text) > room:
            break
    return _clip(text, room)


def _pieces(value: object, room: int) -> Iterator[str]:
    opened = _opened(value)
    if isinstance(value, str) and isinstance(opened, dict | list):
        yield "text "
        value = opened
    if isinstance(value, dict):
        yield "{"
        for number, (key, item) in enumerate(value.items()):
            yield f"{', ' if number else ''}{_quoted(redact(key), room)}: "
            yield from (_MASK,) if is_secret_key(key) else _pieces(item, room)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for number, item in enumerate(value):
            yield ", " if number else ""
            yield from _pieces(item, room)
        yield "]"
    elif isinstance(value, str):
        yield _quoted(redact(value), room)
    elif isinstance(value, int) and value.bit_length() > 4 * room:
        yield f"<number of {value.bit_length():,} bits>"
    else:
        yield json.dumps(value)


def _quoted(text: str, room: int) -> str:
    return f'"{_fitted(text, room)}"'


def _fitted(text: str, room: int) -> str:
    """The text, escaped, if need be cut to ``room`` characters between two escapes."""
    whole = _escaped(text[: room + 1])
    if len(text) <= room and len(whole) <= room:
        return whole
    fitted = ""
    for character in map(_escaped, text[:room]):
        if len(fitted) + len(character) >= room:
            break
        fitted += character
    return fitted + "…"


def _escaped(text: str) -> str:
    return _UNSAFE.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)[1:-1]
    )


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _selector(path: Path) -> str:
    parts = ("[*]" if isinstance(part, int) else format_path([part]) for part in path)
    return "".join(parts) or "."


def _decimals(expected: object, got: object) -> int | None:
    """The most decimals to which both numbers round alike, of those worth asking for."""
    if not isinstance(expected, int | float) or not isinstance(got, int | float):
        return None
    kept = SIGNIFICANT_DIGITS - 1 - floor(log10(max(abs(expected), abs(got))))
    most = min(MAX_ROUND_DECIMALS, max(SIGNIFICANT_DIGITS, kept))
    for decimals in range(most, max(0, kept) - 1, -1):
        if round(expected, decimals) == round(got, decimals):
            return decimals
    return None

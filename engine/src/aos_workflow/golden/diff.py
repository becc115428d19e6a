"""How two JSON values differ: one entry for every place, found at the speed of comparing them.

Equal subtrees cost one pass of C code. Lists are aligned, so an element inserted in front is one
entry and not one for every element behind it.
"""

from __future__ import annotations

import json
import marshal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from math import isclose
from typing import Final, Literal

import orjson

from aos_workflow.errors import DepthError, UnsupportedTypeError, UsageError
from aos_workflow.golden.align import match
from aos_workflow.golden.limits import MAX_DEPTH
from aos_workflow.golden.numbers import es6_number
from aos_workflow.golden.secret_scan import redact, shown_path
from aos_workflow.golden.value_classes import classify as classify_by_looks

__all__ = [
    "ABSENT", "DEFAULT_LIMIT", "Cause", "Diff", "Entry", "Kind",
    "diff", "exact_key", "is_secret_key", "json_type",
]  # fmt: skip

Kind = Literal["added", "removed", "changed", "type_changed", "reordered"]
Cause = Literal["order", "float", "type", "volatile", "value"]
Classify = Callable[[object], str | None]

DEFAULT_LIMIT = 10_000
"""Entries that a diff keeps."""
MAX_COUNTED = 100_000
"""Entries after which a diff stops looking; about 0.3 s."""
MAX_REPORTED_BYTES = 4096
"""JSON text of one value in a report; a larger value is named by its type and size."""
MAX_PARSED_CHARS = 4096
"""Text that is tried as JSON, to see whether only the type differs."""
FLOAT_TOLERANCE = 1e-9
"""Relative. Summing 10,000 doubles in another order stays below 1e-11."""

_EXACT_INTEGERS = 2**53
_SECRET_ENDS = ("token", "pin", "pwd", "cookie")
_SECRET_PARTS = (
    "password", "passwd", "passphrase", "secret", "apikey", "accesskey", "privatekey",
    "authorization", "credential",
)  # fmt: skip


class Absent(Enum):
    """The type of :data:`ABSENT`."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent.ABSENT
"""Stands for the side on which an added or removed value is not."""

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One difference.

    ``path`` leads to ``expected`` in the expected value, ``got_path`` to ``got`` in the other; they
    are the same unless list elements above moved. The last step of an added element is its index
    in ``got``. For ``reordered`` both values are the whole lists, whose elements may also differ:
    then other entries say how.
    """

    path: Place
    kind: Kind
    expected: object
    got: object
    cause: Cause
    got_path: Place
    volatile_class: str | None = None

    def to_json(self) -> dict[str, object]:
        """As JSON data: secrets as ``***``, large values by type and size."""
        secret = any(is_secret_key(part) for part in self.path)
        return {
            "path": shown_path(self.path),
            **({"got_path": shown_path(self.got_path)} if self.got_path != self.path else {}),
            "kind": self.kind,
            "cause": self.cause,
            **({"volatile_class": self.volatile_class} if self.volatile_class else {}),
            **({"expected": _reported(self.expected, secret)} if self.kind != "added" else {}),
            **({"got": _reported(self.got, secret)} if self.kind != "removed" else {}),
        }


@dataclass(frozen=True, slots=True)
class Diff:
    """All differences of two values, in the order of the expected one.

    ``entries`` holds the first ``limit``; ``counts`` (by kind) and ``causes`` (by cause) count also
    those beyond, up to MAX_COUNTED, after which ``complete`` is false.
    """

    entries: tuple[Entry, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    causes: Mapping[str, int] = field(default_factory=dict)
    complete: bool = True

    @property
    def equal(self) -> bool:
        return not self.counts

    @property
    def total(self) -> int:
        """Differences that were counted."""
        return sum(self.counts.values())

    @property
    def truncated(self) -> bool:
        """Whether there are more differences than entries."""
        return not self.complete or self.total > len(self.entries)

    @property
    def cause(self) -> Cause | None:
        """The one cause that explains every difference, else ``value``; ``None`` if equal."""
        if not self.counts:
            return None
        causes = list(self.causes)
        return causes[0] if len(causes) == 1 and self.complete else "value"  # type: ignore[return-value]

    def to_json(self) -> dict[str, object]:
        """As JSON data; see :meth:`Entry.to_json`."""
        return {
            "equal": self.equal,
            "cause": self.cause,
            "total": self.total,
            "truncated": self.truncated,
            "counts": dict(self.counts),
            "causes": dict(self.causes),
            "entries": [entry.to_json() for entry in self.entries],
        }


def diff(
    expected: object,
    got: object,
    *,
    limit: int = DEFAULT_LIMIT,
    classify: Classify = classify_by_looks,
) -> Diff:
    """The differences of two JSON values. ``1`` and ``1.0`` are the same, ``1`` and ``true`` not.

    ``classify`` names the class of a value that may differ between like runs, such as a timestamp.

    Raises:
        DepthError: a difference lies deeper than MAX_DEPTH levels.
        UnsupportedTypeError: what differs is no JSON value.
        UsageError: ``limit`` is negative.
    """
    if limit < 0:
        raise UsageError(f"limit must be 0 or more, got {limit}")
    entries: list[Entry] = []
    kinds: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    complete = True
    try:
        for entry in _walk(expected, got, classify):
            if kinds.total() == MAX_COUNTED:
                complete = False
                break
            kinds[entry.kind] += 1
            causes[entry.cause] += 1
            if len(entries) < limit:
                entries.append(entry)
    except RecursionError:
        raise DepthError(f"nested deeper than {MAX_DEPTH} levels") from None
    return Diff(tuple(entries), dict(kinds), dict(causes), complete)


def exact_key(value: object) -> bytes:
    """Bytes that two JSON values share if and only if they are written alike, key order aside."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        pass
    try:  # Integers beyond 64 bits and lone surrogates. Version 0 of marshal has no references.
        return marshal.dumps(value, 0)  # type: ignore[arg-type]
    except ValueError as error:
        if "nested" in str(error):
            raise DepthError(f"nested deeper than {MAX_DEPTH} levels") from None
        raise UnsupportedTypeError(f"a {type(value).__name__} holds what is not JSON") from None


_JSON_TYPES: Final[Mapping[type, str]] = {
    dict: "object", list: "array", str: "string", bool: "boolean",
    int: "number", float: "number", type(None): "null",
}  # fmt: skip


def json_type(value: object, path: Place = ()) -> str:
    """The name of the value's JSON type.

    Raises:
        UnsupportedTypeError: it has none; the error carries ``path``.
    """
    name = _JSON_TYPES.get(type(value))
    if name is None:
        where = shown_path(path)
        raise UnsupportedTypeError(f"{where}: {type(value).__name__} is not JSON", path=where)
    return name


def is_secret_key(key: object) -> bool:
    """Whether what stands under this key must not be shown: ``api_key``, ``accessToken``."""
    if not isinstance(key, str):
        return False
    word = "".join(filter(str.isalnum, key.lower()))
    return word.endswith(_SECRET_ENDS) or any(part in word for part in _SECRET_PARTS)


def _reported(value: object, secret: bool) -> object:
    if secret:
        return "***"
    if isinstance(value, str):
        value = redact(value)
        return value if len(value) <= MAX_REPORTED_BYTES else value[:MAX_REPORTED_BYTES] + "…"
    if isinstance(value, int) and value.bit_length() > MAX_REPORTED_BYTES:
        return f"<number of {value.bit_length()} bits>"
    if not isinstance(value, dict | list):
        return value
    if len(exact_key(value)) > MAX_REPORTED_BYTES:
        return f"<{json_type(value)} of {len(value)}>"
    if isinstance(value, list):
        return [_reported(item, False) for item in value]
    return {redact(key): _reported(item, is_secret_key(key)) for key, item in value.items()}


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two values to compare. ``alike``: equal to Python, so only ``True`` and ``1`` may differ."""

    path: Place
    got_path: Place
    expected: object
    got: object
    alike: bool = False

    def child(self, key: str | int, got_key: str | int, x: object, y: object) -> _Pair:
        return _Pair((*self.path, key), (*self.got_path, got_key), x, y, self.alike)

    def lone(self, key: str | int, x: object, y: object) -> Entry:
        kind: Kind = "added" if x is ABSENT else "removed"
        return Entry((*self.path, key), kind, x, y, "value", (*self.got_path, key))


def _walk(expected: object, got: object, classify: Classify) -> Iterator[Entry]:
    """Every difference in order, without recursion."""
    todo: list[_Pair | Entry] = [_Pair((), (), expected, got)]
    while todo:
        pair = todo.pop()
        if isinstance(pair, Entry):
            yield pair
            continue
        if len(pair.path) > MAX_DEPTH:
            where = shown_path(pair.path)
            raise DepthError(f"{where}: nested deeper than {MAX_DEPTH} levels", path=where)
        x, y = pair.expected, pair.got
        if type(x) is dict and type(y) is dict:
            todo.extend(reversed(list(_fields(pair, x, y))))
        elif type(x) is list and type(y) is list:
            todo.extend(reversed(list(_elements(pair, x, y))))
        elif entry := _leaf(pair, classify):
            yield entry


def _fields(
    pair: _Pair, expected: dict[str, object], got: dict[str, object]
) -> Iterator[_Pair | Entry]:
    """What to look at in two objects, by key."""
    differing = [key for key in got if key not in expected]
    equal: list[str] = []
    for key, x in expected.items():
        y = got.get(key, ABSENT)
        if x is y:
            continue
        container = type(x) is dict or type(x) is list
        # Comparing an only child would compare everything below once for every level.
        if (container and (pair.alike or len(expected) == 1)) or x != y:
            differing.append(key)
        elif container:
            equal.append(key)
        elif type(x) is not type(y):
            differing.append(key)
    inexact = _inexact([expected[key] for key in equal], [got[key] for key in equal])
    alike = {equal[at] for at in inexact}
    for key in sorted((*differing, *alike)):
        x, y = expected.get(key, ABSENT), got.get(key, ABSENT)
        if x is ABSENT or y is ABSENT:
            yield pair.lone(key, x, y)
        else:
            yield replace(pair.child(key, key, x, y), alike=pair.alike or key in alike)


def _inexact(expected: list[object], got: list[object]) -> list[int]:
    """Which of these containers, each equal to its partner in Python, are written differently."""
    if not expected or exact_key(expected) == exact_key(got):
        return []
    pairs = zip(expected, got, strict=True)
    return [at for at, (x, y) in enumerate(pairs) if exact_key(x) != exact_key(y)]


def _elements(pair: _Pair, expected: list[object], got: list[object]) -> Iterator[_Pair | Entry]:
    """What to look at in two lists: what changed, came and went, and whether the order did."""
    if pair.alike or len(expected) == len(got) == 1:
        for at, (x, y) in enumerate(zip(expected, got, strict=True)):
            yield pair.child(at, at, x, y)
        return
    matching = match(expected, got, _keys(expected), _keys(got))
    if matching.reordered:
        yield Entry(pair.path, "reordered", expected, got, "order", pair.got_path)
    for i, j in matching.steps:
        if i is not None and j is not None:
            yield pair.child(i, j, expected[i], got[j])
        elif i is not None:
            yield pair.lone(i, expected[i], ABSENT)
        elif j is not None:
            yield pair.lone(j, ABSENT, got[j])


def _keys(elements: Sequence[object]) -> list[bytes]:
    return list(map(exact_key, elements))


def _leaf(pair: _Pair, classify: Classify) -> Entry | None:
    """The difference of two values that are not both objects or both lists."""
    x, y = pair.expected, pair.got
    kind: Kind = "changed"
    cause: Cause = "value"
    volatile_class = None
    if json_type(x, pair.path) != json_type(y, pair.got_path):
        kind = "type_changed"
        cause = "type" if _only_type_differs(x, y) else "value"
    elif _same(x, y):
        return None
    elif (volatile_class := classify(x)) and volatile_class == classify(y):
        cause = "volatile"
    elif _is_rounding(x, y):
        cause = "float"
    found = volatile_class if cause == "volatile" else None
    return Entry(pair.path, kind, x, y, cause, pair.got_path, found)


def _same(x: object, y: object) -> bool:
    """Whether two leaves of one JSON type have the same canonical text."""
    if isinstance(x, float) and isinstance(y, int):
        x, y = y, x
    if isinstance(x, int) and isinstance(y, float) and abs(x) > _EXACT_INTEGERS:
        return abs(x) < 10**21 and str(x) == es6_number(y)
    return x == y


def _is_rounding(x: object, y: object) -> bool:
    """Whether two numbers, not both integers, differ by no more than rounding."""
    if not (isinstance(x, float) or isinstance(y, float)):
        return False
    try:
        return isclose(x, y, rel_tol=FLOAT_TOLERANCE)  # type: ignore[arg-type]
    except (OverflowError, TypeError):
        return False


def _only_type_differs(x: object, y: object) -> bool:
    """Whether values of two JSON types mean the same: ``"1"`` and 1, 1 and true, null and ""."""
    if isinstance(x, str) and _reads_as(x, y):
        return True
    if isinstance(y, str) and _reads_as(y, x):
        return True
    if isinstance(x, int | float) and isinstance(y, int | float):
        return x == y
    return _is_empty(x) and _is_empty(y)


def _reads_as(text: str, value: object) -> bool:
    words: dict[str, object] = {"True": True, "False": False, "None": None}
    if len(text) > MAX_PARSED_CHARS:
        return False
    try:
        parsed = words[text] if text in words else json.loads(text)
    except (ValueError, RecursionError):
        return False
    if isinstance(parsed, int | float) and json_type(parsed) == json_type(value):
        return _same(parsed, value)
    return exact_key(parsed) == exact_key(value)


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)

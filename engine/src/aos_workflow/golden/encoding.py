"""JSON values as RFC 8785 text. orjson does the writing; here is what it spells otherwise.

Three things differ from RFC 8785, all rare, all found after the fact: integers beyond 64 bits (orjson refuses them),
key order when a key has a character beyond the basic plane (orjson orders by code point, RFC 8785 by UTF-16 unit), and
floats (the walk has replaced those beforehand).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson

from aos_workflow.golden.adapt import NeedsAdapting

__all__ = ["encode", "encode_pretty", "in_order", "respell_pretty"]

_COMPACT = orjson.OPT_SORT_KEYS
_PRETTY = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2
_ASTRAL = (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4")
_LATE_BASIC = (b"\xee", b"\xef")


def encode(tree: Any) -> bytes:
    """The canonical text of a tree that a walk has made.

    Raises:
        NeedsAdapting: something in the tree is no JSON value, or a text has a lone surrogate.
    """
    return _written(tree, _COMPACT)


def encode_pretty(tree: Any) -> bytes:
    """The same value indented by two, keys in the same order, one value a line: for people and for review."""
    return _written(tree, _PRETTY)


def respell_pretty(text: bytes) -> bytes | None:
    """:func:`encode_pretty` of what a canonical text says; ``None`` if orjson alone would spell it otherwise."""
    try:
        plain = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if orjson.dumps(plain, option=_COMPACT) != text:
        return None
    return orjson.dumps(plain, option=_PRETTY)


def _written(tree: Any, option: int) -> bytes:
    try:
        text = orjson.dumps(tree, option=option)
    except TypeError:
        tree = _spell_big_integers(tree)
        try:
            text = orjson.dumps(tree, option=option)
        except TypeError as error:
            raise NeedsAdapting from error
    if not text.isascii() and _may_order_differently(text):
        text = orjson.dumps(_order_by_utf16(tree), option=option)
    return text


def in_order(keys: Collection[str]) -> list[str]:
    """Keys as RFC 8785 orders them: by UTF-16 code units."""
    if all(map(str.isascii, keys)):
        return sorted(keys)
    return sorted(keys, key=lambda key: key.encode("utf-16-be", "surrogatepass"))


def _may_order_differently(text: bytes) -> bool:
    return any(lead in text for lead in _ASTRAL) and any(lead in text for lead in _LATE_BASIC)


def _spell_big_integers(tree: Any) -> Any:
    """Integers beyond 64 bits keep all their digits: our documented extension of RFC 8785."""
    if isinstance(tree, dict):
        return {key: _spell_big_integers(item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_spell_big_integers(item) for item in tree]
    if type(tree) is int and not -(2**63) <= tree < 2**64:
        return orjson.Fragment(_decimal(tree))
    return tree


def _decimal(number: int) -> str:
    """All digits of an integer, also beyond the interpreter's limit for ``str(int)``."""
    sign, rest, parts = ("-" if number < 0 else ""), abs(number), []
    base = 10**4000
    while rest >= base:
        rest, low = divmod(rest, base)
        parts.append(f"{low:04000d}")
    return sign + str(rest) + "".join(reversed(parts))


def _order_by_utf16(tree: Any) -> Any:
    if isinstance(tree, dict):
        items = {key: _order_by_utf16(item) for key, item in tree.items()}
        names = in_order(items)
        if names == sorted(names):
            return items
        pairs = (
            orjson.dumps(name) + b":" + orjson.dumps(items[name], option=_COMPACT) for name in names
        )
        return orjson.Fragment(b"{" + b",".join(pairs) + b"}")
    if isinstance(tree, (list, tuple)):
        return [_order_by_utf16(item) for item in tree]
    return tree

"""What goes into a step and comes out of it, as JSON that is the same whether it was just made or read back.

A workflow never sees the object that a skill returned, but what it will see when the step is served from a journal
or a golden. So there is no difference between the first run and a replay: tuples are lists, keys stand in canonical
order, and ``2.0`` and ``2`` are one number. Where a skill's output is annotated, it is given back as that type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from aos_workflow.errors import UnsupportedTypeError
from aos_workflow.golden import Rules
from aos_workflow.golden.adapt import RESERVED_PREFIX
from aos_workflow.golden.canonical import canonicalize
from aos_workflow.golden.paths import format_path
from aos_workflow.golden.rules import NO_RULES
from aos_workflow.golden.strict_json import loads_canonical

__all__ = ["NULL", "Payload", "decode", "encode"]

_MARK = b'"' + RESERVED_PREFIX.encode()


@dataclass(frozen=True, slots=True)
class Payload:
    """A JSON value: its canonical text, the SHA-256 of that, and its content hash under the run's rules."""

    json: bytes
    digest: str
    hash: str


def encode(value: Any, rules: Rules) -> Payload:
    """A Python value as a payload.

    Raises:
        CanonicalError: the value has no canonical form; ``path`` says where.
        UnsupportedTypeError: it has one, but could not be given back: bytes, a set, an array.
    """
    ruled = canonicalize(value, rules)
    exact = canonicalize(value, NO_RULES) if any(ruled.hits) else ruled
    if _MARK in exact.text:
        _refuse_tagged(orjson.loads(exact.text), [])
    return Payload(exact.text, exact.hash, ruled.hash)


def decode(text: bytes) -> Any:
    """The value of a payload's text, new each time."""
    return loads_canonical(text)


def _refuse_tagged(value: Any, path: list[str | int]) -> None:
    """Raise for the first value that only has a one-way spelling."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key.startswith(RESERVED_PREFIX):
                kind = key.removeprefix(RESERVED_PREFIX)
                raise UnsupportedTypeError(
                    f"{format_path(tuple(path)) or 'the value itself'} is of type {kind}, which a step cannot be "
                    "given back as it was",
                    path=format_path(tuple(path)),
                    hint="pass a sorted list instead of a set, and text (base64, hex) or a file name instead of bytes",
                )
            _refuse_tagged(item, [*path, key])
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_tagged(item, [*path, index])


NULL = encode(None, NO_RULES)

"""Canonical form: the one text of a value, and its hash.

RFC 8785 (JSON Canonicalization Scheme) for every JSON value, with one documented extension (integers outside
+-2**53 keep all their digits), after Python values were adapted and the volatile rules applied. Plugin,
recorder, replay, shadow and doctor all call :func:`canonicalize`; there is no second implementation.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aos_workflow.errors import CanonicalError
from aos_workflow.golden.adapt import Adapter, NeedsAdapting, Unspellable, adapt, too_deep
from aos_workflow.golden.aliases import MARK_CHARACTERS, MarkCollision
from aos_workflow.golden.encoding import encode, encode_pretty, respell_pretty
from aos_workflow.golden.rules import DEFAULT_RULES, NO_RULES, Rules
from aos_workflow.golden.strict_json import loads
from aos_workflow.golden.walk import Walk

__all__ = ["Canonical", "canonical_bytes", "canonical_json", "canonicalize", "content_hash"]

_NOT_PLAIN = (NeedsAdapting, MarkCollision, RecursionError)
"""Why the fast path gives up."""


@dataclass(slots=True)
class Canonical:
    """A value in canonical form.

    ``text`` is the RFC 8785 text (UTF-8) and ``hash`` its SHA-256 in hex. ``leaves`` counts the scalars of the value,
    ``blind`` those that a rule removed from the comparison unchecked, ``hits`` how often each rule of ``rules.all``
    applied. ``indented`` is what :meth:`pretty` returns, if that was asked for beforehand.
    """

    text: bytes
    hash: str
    rules: Rules
    leaves: int
    blind: int
    hits: tuple[int, ...]
    indented: bytes | None = None

    def pretty(self) -> bytes:
        """The same value indented, for a file that people review."""
        if self.indented is not None:
            return self.indented
        quick = respell_pretty(self.text)
        if quick is not None:
            return quick
        plain = loads(self.text, max_bytes=len(self.text))
        return encode_pretty(Walk(NO_RULES, trusted=True).run(plain))

    @property
    def blind_share(self) -> float:
        """Share of the scalars that are not compared at all, from 0 to 1."""
        return self.blind / self.leaves if self.leaves else 0.0


def canonicalize(
    value: Any,
    rules: Rules = DEFAULT_RULES,
    *,
    adapter: Adapter | None = None,
    indented: bool = False,
) -> Canonical:
    """The canonical form of a Python value under a rule set; with ``indented``, both spellings in one go.

    Raises:
        CanonicalError: a value that has no canonical form; the subclass says why, ``path`` where.
    """
    if adapter is None:
        try:
            return _finish(value, Walk(rules, trusted=False), rules, indented=indented)
        except _NOT_PLAIN:
            pass
    return _adapted(value, rules, adapter)


def canonical_json(value: Any, rules: Rules = NO_RULES) -> Canonical:
    """The canonical form of a value that was read from JSON, in which ``$aos.`` keys are data like any other.

    Raises:
        CanonicalError: nested too deeply, or a number or text that JSON text cannot hold.
    """
    try:
        return _finish(value, Walk(rules, trusted=True), rules)
    except _NOT_PLAIN:
        return _adapted(value, rules, None, reserved=True)


def canonical_bytes(value: Any, rules: Rules = NO_RULES) -> bytes:
    """The RFC 8785 text of a value, without volatile rules unless given. Raises as :func:`canonicalize`."""
    return canonicalize(value, rules).text


def content_hash(value: Any, rules: Rules = NO_RULES) -> str:
    """SHA-256 in hex of :func:`canonical_bytes`. Raises as :func:`canonicalize`."""
    return canonicalize(value, rules).hash


def _adapted(
    value: Any, rules: Rules, adapter: Adapter | None, *, reserved: bool = False
) -> Canonical:
    """The slow path for everything that is not plain JSON data, or that only looks like it."""
    spell_keys = rules.keys == "text"
    try:
        plain = adapt(
            value, spell_keys=spell_keys, custom=adapter, reserved=reserved, encode=_item_text
        )
        for mark in MARK_CHARACTERS:
            with suppress(MarkCollision):
                return _finish(plain, Walk(rules, trusted=True, mark=mark), rules)
    except NeedsAdapting as need:
        raise need.value.error if isinstance(need.value, Unspellable) else too_deep() from None
    except RecursionError:
        raise too_deep() from None
    raise CanonicalError(
        f"the texts of the value contain each of {MARK_CHARACTERS!a}, and aliases need one of them"
    )


def _item_text(plain: Any) -> bytes:
    return canonical_json(plain).text


def _finish(value: Any, walk: Walk, rules: Rules, *, indented: bool = False) -> Canonical:
    tree = walk.run(value)
    text = walk.aliases.finish(encode(tree))
    digest = hashlib.sha256(text).hexdigest()
    pretty = walk.aliases.finish(encode_pretty(tree)) if indented else None
    return Canonical(text, digest, rules, walk.leaves, walk.blind, tuple(walk.hits), pretty)

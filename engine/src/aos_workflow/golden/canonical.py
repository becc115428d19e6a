"""Canonical form: the one text of a value, and its hash.

RFC 8785 (JSON Canonicalization Scheme) for every JSON value, with one documented extension (integers outside
+-2**53 keep all their digits), after Python values were adapted and the volatile rules applied. Plugin,
recorder, replay, shadow and doctor all call :func:`canonicalize`; there is no second implementation.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from aos_workflow.errors import CanonicalError, DepthError, GoldenError
from aos_workflow.golden.adapt import Adapter, adapt
from aos_workflow.golden.aliases import Aliases
from aos_workflow.golden.encoding import encode, encode_pretty
from aos_workflow.golden.limits import MAX_DEPTH
from aos_workflow.golden.rules import DEFAULT_RULES, NO_RULES, Rules
from aos_workflow.golden.walk import NeedsAdapting, Walk

__all__ = ["Canonical", "canonical_bytes", "canonical_json", "canonicalize", "content_hash"]

_ALIAS_ATTEMPTS = 8


@dataclass(slots=True)
class Canonical:
    """A value in canonical form.

    ``text`` is the RFC 8785 text (UTF-8) and ``hash`` its SHA-256 in hex. ``leaves`` counts the scalars of the value,
    ``blind`` those that a rule removed from the comparison unchecked, ``hits`` how often each rule of ``rules.all``
    applied.
    """

    text: bytes
    hash: str
    rules: Rules
    leaves: int
    blind: int
    hits: tuple[int, ...]
    _tree: Any
    _aliases: Aliases

    def pretty(self) -> bytes:
        """The same value indented, for a file that people review. Deterministic like ``text``."""
        pretty = self._aliases.number(encode_pretty(self._tree))
        assert pretty is not None, "the compact text was numbered with the same marks"
        return pretty

    @property
    def blind_share(self) -> float:
        """Share of the scalars that are not compared at all, from 0 to 1."""
        return self.blind / self.leaves if self.leaves else 0.0


def canonicalize(
    value: Any,
    rules: Rules = DEFAULT_RULES,
    *,
    adapter: Adapter | None = None,
) -> Canonical:
    """The canonical form of a Python value under a rule set.

    Raises:
        CanonicalError: a value that has no canonical form; the subclass says why, ``path`` where.
    """
    if adapter is None:
        try:
            found = _finish(value, rules, Aliases(), trusted=False)
            if found is not None:
                return found
        except (NeedsAdapting, TypeError, RecursionError):
            pass
    for attempt in range(_ALIAS_ATTEMPTS):
        found = _adapted(value, rules, adapter, Aliases(attempt))
        if found is not None:
            return found
    raise CanonicalError("the value contains every mark that aliases are built with")


def canonical_json(value: Any, rules: Rules = NO_RULES) -> Canonical:
    """The canonical form of a value that was read from JSON, in which ``$aos.`` keys are data like any other.

    Raises:
        CanonicalError: nested too deeply, or a number or text that JSON text cannot hold.
    """
    for attempt in range(_ALIAS_ATTEMPTS):
        aliases = Aliases(attempt)
        try:
            found = _finish(value, rules, aliases, trusted=True)
        except (NeedsAdapting, TypeError, RecursionError):
            adapt(value, encode=encode)
            raise GoldenError("the value was not read from JSON") from None
        if found is not None:
            return found
    raise CanonicalError("the value contains every mark that aliases are built with")


def canonical_bytes(value: Any, rules: Rules = NO_RULES) -> bytes:
    """The RFC 8785 text of a value, without volatile rules unless given. Raises as :func:`canonicalize`."""
    return canonicalize(value, rules).text


def content_hash(value: Any, rules: Rules = NO_RULES) -> str:
    """SHA-256 in hex of :func:`canonical_bytes`. Raises as :func:`canonicalize`."""
    return canonicalize(value, rules).hash


def _adapted(
    value: Any, rules: Rules, adapter: Adapter | None, aliases: Aliases
) -> Canonical | None:
    try:
        plain = adapt(value, spell_keys=rules.keys == "text", custom=adapter, encode=_item_text)
    except RecursionError:
        raise DepthError(
            f"nested deeper than {MAX_DEPTH} levels",
            path=".",
            hint="record a part of the value, or a flat form of it",
        ) from None
    return _finish(plain, rules, aliases, trusted=True)


def _item_text(plain: Any) -> bytes:
    return canonical_json(plain).text


def _finish(value: Any, rules: Rules, aliases: Aliases, *, trusted: bool) -> Canonical | None:
    walk = Walk(rules, aliases, trusted=trusted)
    tree = walk.run(value)
    text = aliases.number(encode(tree))
    if text is None:
        return None
    return Canonical(
        text,
        hashlib.sha256(text).hexdigest(),
        rules,
        walk.leaves,
        walk.blind,
        tuple(walk.hits),
        tree,
        aliases,
    )

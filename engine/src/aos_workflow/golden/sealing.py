"""Seals: a digest for everyone, a signature for those who have the key.

Both are over the canonical text of an *envelope* (format, kind, key, hash, rules and so on), in which the content
stands by its hash. Without any key the digest finds accidents and careless edits; only the signature finds intent.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from aos_workflow.errors import (
    GoldenForeignError,
    GoldenTamperedError,
    GoldenUnknownKeyError,
    GoldenUnsignedError,
    GoldenVersionError,
    RuleError,
)
from aos_workflow.golden.encoding import encode
from aos_workflow.golden.keys import KeyRing
from aos_workflow.golden.rules import Rules

__all__ = [
    "FORMAT",
    "Policy",
    "Signature",
    "check_format",
    "check_provenance",
    "check_seal",
    "digest",
    "make_seal",
    "provenance_holds",
    "stored_rules",
    "with_digest",
]

FORMAT = "aos-golden/1"


class Policy(StrEnum):
    """How much of a seal is asked for."""

    OFF = "off"
    """Nothing is checked but the syntax."""
    INTEGRITY = "integrity"
    """Digests and chains must hold; a signature must hold if its key is at hand."""
    WARN = "warn"
    """As ``integrity``, and a missing signature or unknown key is reported."""
    REQUIRE = "require"
    """A valid signature by a known key."""


class Signature(StrEnum):
    """What was found out about a signature."""

    VALID = "valid"
    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown-key"
    UNCHECKED = "unchecked"


def digest(data: Mapping[str, Any]) -> str:
    """SHA-256 in hex of the canonical text of plain JSON data without floats."""
    return hashlib.sha256(encode(data)).hexdigest()


def make_seal(envelope: Mapping[str, Any], ring: KeyRing | None) -> dict[str, Any]:
    """The seal of an envelope, signed if there is a ring."""
    text = encode(envelope)
    seal: dict[str, Any] = {"digest": hashlib.sha256(text).hexdigest()}
    if ring is not None:
        seal["hmac"] = ring.signing.mac(text)
        seal["key_id"] = ring.signing.id
    return seal


def check_seal(
    envelope: Mapping[str, Any],
    seal: Any,
    ring: KeyRing | None,
    policy: Policy,
    *,
    file: str,
    line: int | None = None,
) -> Signature:
    """Check a seal against its envelope; ``file`` and ``line`` go into errors.

    Raises:
        GoldenTamperedError: digest or signature do not match.
        GoldenUnsignedError, GoldenUnknownKeyError: under ``require``.
    """
    if policy is Policy.OFF:
        return Signature.UNCHECKED
    if not isinstance(seal, dict) or not isinstance(seal.get("digest"), str):
        raise GoldenForeignError("the seal is missing or malformed", file=file, line=line)
    text = encode(envelope)
    if not hmac.compare_digest(seal["digest"].encode(), hashlib.sha256(text).hexdigest().encode()):
        raise GoldenTamperedError(
            "the head does not match its digest: a field beside the content was edited",
            file=file,
            line=line,
            hint=_TAMPER_HINT,
        )
    return _check_signature(text, seal, ring, policy, file, line)


_TAMPER_HINT = (
    "git checkout the file or restore it from a backup; if nobody should have edited it, check who has access "
    "and rotate GOLDEN_SECRET"
)


def _check_signature(
    text: bytes,
    seal: Mapping[str, Any],
    ring: KeyRing | None,
    policy: Policy,
    file: str,
    line: int | None,
) -> Signature:
    extra = set(seal) - {"digest", "hmac", "key_id"}
    signature, key_id = seal.get("hmac"), seal.get("key_id")
    if extra or (signature is None) is not (key_id is None):
        raise GoldenTamperedError(
            "the seal is incomplete or has fields that do not belong there",
            file=file,
            line=line,
            hint=_TAMPER_HINT,
        )
    if signature is None:
        if policy is Policy.REQUIRE:
            raise GoldenUnsignedError(
                "not signed, and a signature is required",
                file=file,
                line=line,
                hint=f"aos-workflow golden sign {file}",
            )
        return Signature.UNSIGNED
    key = ring.find(key_id) if ring is not None and isinstance(key_id, str) else None
    if key is None:
        if policy is Policy.REQUIRE:
            known = ", ".join(k.id for k in ring.keys) if ring is not None else "none"
            raise GoldenUnknownKeyError(
                f"signed with key {key_id}, which is not in the key ring (known: {known})",
                file=file,
                line=line,
                hint="set GOLDEN_SECRET to the secret it was signed with, or re-sign: aos-workflow golden resign",
            )
        return Signature.UNKNOWN_KEY
    if not isinstance(signature, str) or not hmac.compare_digest(
        signature.encode(), key.mac(text).encode()
    ):
        raise GoldenTamperedError(
            f"the signature by key {key_id} does not match: the file was edited after signing",
            file=file,
            line=line,
            hint=_TAMPER_HINT,
        )
    return Signature.VALID


def check_format(found: str, *, file: str, line: int | None = None) -> None:
    """Refuse a format that is not ours, and one that is newer than we are.

    Raises:
        GoldenForeignError, GoldenVersionError
    """
    name, _, version = found.partition("/")
    if name != "aos-golden" or not version.isdigit():
        raise GoldenForeignError(
            f"unknown format {found!r}, expected {FORMAT!r}", file=file, line=line
        )
    if found != FORMAT:
        raise GoldenVersionError(
            f"format {found} is newer than this version reads ({FORMAT})",
            file=file,
            line=line,
            hint="pip install --upgrade pytest-aos-golden aos-workflow",
        )


def with_digest(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Provenance as it is stored: with its own digest, for it is in no other."""
    rest = {name: item for name, item in provenance.items() if name != "digest"}
    return {**rest, "digest": digest(rest)}


def provenance_holds(provenance: Any) -> bool:
    """Whether stored provenance matches its digest."""
    return isinstance(provenance, dict) and provenance == with_digest(provenance)


def check_provenance(provenance: Any, *, file: str, line: int | None = None) -> None:
    """Raises:
    GoldenTamperedError: the provenance was edited.
    """
    if not provenance_holds(provenance):
        raise GoldenTamperedError(
            "the provenance does not match its digest: it was edited by hand",
            file=file,
            line=line,
            hint=_TAMPER_HINT,
        )


def stored_rules(data: Mapping[str, Any], *, file: str, line: int | None = None) -> Rules:
    """The rule set that a golden names.

    Raises:
        GoldenTamperedError: it cannot be made, or does not have the hash that is stored with it.
    """
    try:
        rules = Rules.from_json(data)
    except (KeyError, TypeError, AttributeError, RuleError) as error:
        reason = error.message if isinstance(error, RuleError) else "malformed"
        raise GoldenTamperedError(
            f"the stored rules cannot be used: {reason}", file=file, line=line, hint=_TAMPER_HINT
        ) from None
    if rules.to_json() != data:
        raise GoldenTamperedError(
            "the rules do not match their hash: they were edited by hand, or the shipped set has changed",
            file=file,
            line=line,
            hint="if the shipped set has changed, record again: pytest --golden-record",
        )
    return rules

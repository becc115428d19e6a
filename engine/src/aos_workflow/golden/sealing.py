"""Seals: a digest for everyone, a signature for those who have the key.

The signature is over the canonical text of an *envelope* (format, kind, key, hash, rules and so on), in which the
content stands by its hash; the digest is over the same and the signature. Without any key the digest finds accidents
and careless edits, in the signature too; only the signature finds intent.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import shlex
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
from aos_workflow.golden.rules import DEFAULT_RULES, Rules
from aos_workflow.golden.secret_scan import redact

__all__ = [
    "FORMAT",
    "TAMPER_HINT",
    "Policy",
    "Signature",
    "check_format",
    "check_provenance",
    "check_seal",
    "digest",
    "key_id_of",
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
    if ring is None:
        return {"digest": _seal_digest(text, {})}
    signed = {"hmac": ring.signing.mac(text), "key_id": ring.signing.id}
    return {"digest": _seal_digest(text, signed), **signed}


def _seal_digest(text: bytes, signed: Mapping[str, str]) -> str:
    """SHA-256 of the envelope, and of the signature if there is one: its damage shows without its key."""
    return hashlib.sha256(text + (b"\n" + encode(signed) if signed else b"")).hexdigest()


def key_id_of(seal: Any) -> str | None:
    """The id of the key that a seal names, whatever the state of the seal."""
    found = seal.get("key_id") if isinstance(seal, dict) else None
    return found if isinstance(found, str) else None


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
    if type(seal) is not dict or set(map(type, seal.values())) != {str}:
        problem = "the seal is missing or malformed"
    elif set(seal) not in (_UNSIGNED_FIELDS, _SIGNED_FIELDS):
        problem = "the seal is incomplete or has fields that do not belong there"
    else:
        text = encode(envelope)
        signed = {name: item for name, item in seal.items() if name != "digest"}
        if hmac.compare_digest(seal["digest"].encode(), _seal_digest(text, signed).encode()):
            return _check_signature(text, signed, ring, policy, file, line)
        problem = "the digest does not match: the hash, or a field beside the content, was edited"
    raise GoldenTamperedError(problem, file=file, line=line, hint=TAMPER_HINT)


_UNSIGNED_FIELDS = {"digest"}
_SIGNED_FIELDS = {"digest", "hmac", "key_id"}


TAMPER_HINT = (
    "restore the file from git or a backup; if nobody should have edited it, check who has access to the folder "
    "and rotate GOLDEN_SECRET"
)
"""What to do about tampering, as the runbooks have it."""


def _check_signature(
    text: bytes,
    signed: Mapping[str, str],
    ring: KeyRing | None,
    policy: Policy,
    file: str,
    line: int | None,
) -> Signature:
    if not signed:
        if policy is Policy.REQUIRE:
            raise GoldenUnsignedError(
                "not signed, and a signature is required",
                file=file,
                line=line,
                hint=f"aos-workflow golden sign {shlex.quote(file)}",
            )
        return Signature.UNSIGNED
    key_id = signed["key_id"]
    key = ring.find(key_id) if ring is not None else None
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
    if not hmac.compare_digest(signed["hmac"].encode(), key.mac(text).encode()):
        raise GoldenTamperedError(
            f"the signature by key {key_id} does not match: the file was edited after signing",
            file=file,
            line=line,
            hint=TAMPER_HINT,
        )
    return Signature.VALID


def check_format(found: str, *, file: str, line: int | None = None) -> None:
    """Refuse a format that is not ours, and one that is newer than we are.

    Raises:
        GoldenForeignError, GoldenVersionError
    """
    version = re.fullmatch(r"aos-golden/([1-9][0-9]{0,8})", found)
    if version is None:
        raise GoldenForeignError(
            f"unknown format {redact(found)[:80]!r}, expected {FORMAT!r}",
            file=file,
            line=line,
            hint="restore the file; or lift an older one: aos-workflow golden migrate --check",
        )
    if found != FORMAT:
        raise GoldenVersionError(
            f"format {found} is newer than this version reads ({FORMAT})",
            file=file,
            line=line,
            hint=_UPGRADE,
        )


_UPGRADE = "pip install --upgrade pytest-aos-golden aos-workflow"


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
            hint=TAMPER_HINT,
        )


def stored_rules(data: Mapping[str, Any], *, file: str, line: int | None = None) -> Rules:
    """The rule set that a golden names.

    Raises:
        GoldenTamperedError: it cannot be made, or does not have the hash that is stored with it.
        GoldenVersionError: it names a shipped set that is newer than this version.
    """
    try:
        rules = Rules.from_json(data)
    except (KeyError, TypeError, AttributeError, RuleError) as error:
        if _is_newer(data.get("base")):
            raise GoldenVersionError(
                f"the rule set {data['base']} is newer than this version knows",
                file=file,
                line=line,
                hint=_UPGRADE,
            ) from None
        reason = redact(error.message) if isinstance(error, RuleError) else "malformed"
        raise GoldenTamperedError(
            f"the stored rules cannot be used: {reason}", file=file, line=line, hint=TAMPER_HINT
        ) from None
    if rules.to_json() != data:
        raise GoldenTamperedError(
            "the rules do not match their hash: they were edited by hand, or the shipped set has changed",
            file=file,
            line=line,
            hint="if the shipped set has changed, record again: pytest --golden-record",
        )
    return rules


def _is_newer(base: Any) -> bool:
    """Whether a shipped rule set comes from a version after ours."""
    name, _, own = DEFAULT_RULES.base.partition("/")
    found = re.fullmatch(name + "/([1-9][0-9]{0,8})", base) if isinstance(base, str) else None
    return found is not None and int(found[1]) > int(own)

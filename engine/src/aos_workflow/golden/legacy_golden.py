"""The older form of a golden: a JSON object with an inner hex ``signature``.

The signature is HMAC-SHA256 over ``json.dumps`` of everything else with ``sort_keys=True`` and Python's
default separators and ASCII escapes. It is checked over exactly these bytes, which is why the standard
library writes them here.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_workflow.errors import (
    GoldenForeignError,
    GoldenTamperedError,
    GoldenUnknownKeyError,
    GoldenUnsignedError,
)
from aos_workflow.golden.keys import KeyRing
from aos_workflow.golden.sealing import Policy, Signature
from aos_workflow.golden.source import read_bytes
from aos_workflow.golden.strict_json import loads

__all__ = ["LegacyGolden", "parse_legacy_golden", "read_legacy_golden", "sign_legacy"]


@dataclass(frozen=True, slots=True)
class LegacyGolden:
    """An older golden that was read. ``value`` is the object without its signature."""

    file: str
    value: Mapping[str, Any]
    signature: Signature


def read_legacy_golden(
    path: Path, *, ring: KeyRing | None = None, policy: Policy = Policy.INTEGRITY
) -> LegacyGolden:
    """Read and check an older golden.

    Without its key such a file has nothing to check; a signature that no key of the ring made is ``TAMPER_DETECTED``,
    for the form has no key id by which a rotated key could be told from an edit.

    Raises:
        GoldenFileError: one of its subclasses.
    """
    return parse_legacy_golden(read_bytes(path), file=str(path), ring=ring, policy=policy)


def parse_legacy_golden(
    data: bytes, *, file: str, ring: KeyRing | None = None, policy: Policy = Policy.INTEGRITY
) -> LegacyGolden:
    """As :func:`read_legacy_golden`, for content that was read already."""
    document = loads(data, file=file)
    if not isinstance(document, dict) or not isinstance(document.get("signature", ""), str):
        raise GoldenForeignError("JSON, but not a golden: expected an object", file=file)
    value = {name: item for name, item in document.items() if name != "signature"}
    return LegacyGolden(file, value, _check(value, document.get("signature"), ring, policy, file))


def sign_legacy(value: Mapping[str, Any], ring: KeyRing) -> bytes:
    """The file of an older golden, signed, as the runbook's snippet writes it: ``json.dumps(data, indent=2)``."""
    signed = {**value, "signature": ring.signing.mac(_signed_text(value))}
    return json.dumps(signed, indent=2).encode()


def _signed_text(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _check(
    value: Mapping[str, Any],
    signature: str | None,
    ring: KeyRing | None,
    policy: Policy,
    file: str,
) -> Signature:
    if policy is Policy.OFF:
        return Signature.UNCHECKED
    if signature is None:
        if policy is Policy.REQUIRE:
            raise GoldenUnsignedError(
                "not signed, and a signature is required",
                file=file,
                hint=f"aos-workflow golden sign {file}",
            )
        return Signature.UNSIGNED
    if ring is None:
        if policy is Policy.REQUIRE:
            raise GoldenUnknownKeyError(
                "signed, but there is no key to check it with",
                file=file,
                hint="export GOLDEN_SECRET=...",
            )
        return Signature.UNKNOWN_KEY
    text = _signed_text(value)
    if not any(
        hmac.compare_digest(signature.encode(), key.mac(text).encode()) for key in ring.keys
    ):
        raise GoldenTamperedError(
            "no key in the ring made this signature: the file was edited, or signed with another secret",
            file=file,
            hint="check GOLDEN_SECRET; if it is right, restore the file from a backup",
        )
    return Signature.VALID

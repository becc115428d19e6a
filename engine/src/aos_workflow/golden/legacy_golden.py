"""The older form of a golden: a JSON object with an inner hex ``signature``.

The signature is HMAC-SHA256 over ``json.dumps`` of everything else with ``sort_keys=True`` and Python's
default separators and ASCII escapes. It is checked over exactly these bytes, which is why the standard
library writes them here.

Nothing but the signature protects such a file: without one it is refused, without its key it cannot be checked.
"""

from __future__ import annotations

import hmac
import json
import shlex
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
from aos_workflow.golden.sealing import TAMPER_HINT, Policy, Signature
from aos_workflow.golden.source import read_bytes
from aos_workflow.golden.strict_json import loads

__all__ = ["LegacyGolden", "parse_legacy_golden", "read_legacy_golden", "sign_legacy"]


@dataclass(frozen=True, slots=True)
class LegacyGolden:
    """An older golden that was read. ``value`` is the object without its signature, ``document`` with it."""

    file: str
    value: Mapping[str, Any]
    signature: Signature
    document: Mapping[str, Any]


def read_legacy_golden(
    path: Path, *, ring: KeyRing | None = None, policy: Policy = Policy.INTEGRITY
) -> LegacyGolden:
    """Read and check an older golden.

    A signature that no key of the ring made is ``TAMPER_DETECTED``: the form has no key id by which a rotated key could
    be told from an edit.

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
        raise GoldenForeignError(
            "JSON, but not a golden: expected an object with a text as its signature",
            file=file,
            line=1,
            hint="move it out of the golden folder",
        )
    line = data.count(b"\n", 0, max(0, data.rfind(b'"signature"'))) + 1
    signature = _check(document, ring, policy, file, line)
    return LegacyGolden(file, _unsigned(document), signature, document)


def sign_legacy(document: Mapping[str, Any], ring: KeyRing) -> bytes:
    """The file of an older golden, signed, as the runbook's snippet writes it: ``json.dumps(data, indent=2)``.

    A signature that is there is replaced where it stands.
    """
    signature = ring.signing.mac(_signed_text(_unsigned(document)))
    return json.dumps({**document, "signature": signature}, indent=2).encode()


def _unsigned(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in document.items() if name != "signature"}


def _signed_text(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _check(
    document: Mapping[str, Any],
    ring: KeyRing | None,
    policy: Policy,
    file: str,
    line: int,
) -> Signature:
    if policy is Policy.OFF:
        return Signature.UNCHECKED
    signature = document.get("signature")
    if signature is None:
        raise GoldenUnsignedError(
            "not signed: no golden, or an older one whose signature is gone",
            file=file,
            line=1,
            hint=f"if it is one: aos-workflow golden sign {shlex.quote(file)}",
        )
    if ring is None:
        if policy is Policy.REQUIRE:
            raise GoldenUnknownKeyError(
                "signed, but there is no key to check it with",
                file=file,
                line=line,
                hint="export GOLDEN_SECRET=...",
            )
        return Signature.UNKNOWN_KEY
    text = _signed_text(_unsigned(document))
    if not any(
        hmac.compare_digest(signature.encode(), key.mac(text).encode()) for key in ring.keys
    ):
        raise GoldenTamperedError(
            "no key in the ring made this signature: the file was edited, or signed with another secret",
            file=file,
            line=line,
            hint=f"check that GOLDEN_SECRET is the right one; if it is, {TAMPER_HINT}",
        )
    return Signature.VALID

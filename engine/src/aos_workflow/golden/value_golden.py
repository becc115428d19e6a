"""The golden of one value: ``<name>.golden.json``, indented with sorted keys, so that people can review it.

::

    {
      "golden": {
        "bytes": 1234,                         size of the canonical text
        "format": "aos-golden/1",
        "hash": "<sha256 of the canonical text>",
        "key": "tests/test_plan.py::test_plan",
        "kind": "value",                       or "hash": only the hash is kept, there is no "value"
        "provenance": {..., "digest": "..."},  who and when; in no hash but its own, never rewritten in vain
        "rules": {"base": "aos-default/1", "extra": [], "hash": "..."},
        "seal": {"digest": "...", "hmac": "...", "key_id": "..."},
        "seed": 0
      },
      "value": ...
    }

A golden is read in one of two ways. :func:`same` compares without parsing the value: if writing the actual
value with the file's own head gives the file's very bytes, both the file and the value are proven right.
:func:`read_value_golden` parses strictly and says what is wrong.
"""

from __future__ import annotations

import hmac
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from aos_workflow.errors import (
    GoldenForeignError,
    GoldenKeyMismatchError,
    GoldenTamperedError,
    TextEncodingError,
)
from aos_workflow.golden.canonical import Canonical, canonical_json
from aos_workflow.golden.encoding import encode_pretty
from aos_workflow.golden.keys import KeyRing
from aos_workflow.golden.limits import MAX_DEPTH
from aos_workflow.golden.rules import Rules
from aos_workflow.golden.sealing import (
    FORMAT,
    Policy,
    Signature,
    check_format,
    check_provenance,
    check_seal,
    key_id_of,
    make_seal,
    provenance_holds,
    stored_rules,
    with_digest,
)
from aos_workflow.golden.secret_scan import redact
from aos_workflow.golden.source import read_bytes
from aos_workflow.golden.strict_json import loads

__all__ = [
    "VALUE_SUFFIX",
    "ValueGolden",
    "parse_value_golden",
    "read_value_golden",
    "render_value_golden",
    "reseal_value_golden",
    "same",
]

VALUE_SUFFIX = ".golden.json"

Kind = Literal["value", "hash"]
_HEAD_START = b'{\n  "golden": '
_VALUE_START = b',\n  "value": '
_UNSEALED = ("provenance", "seal")


@dataclass(frozen=True, slots=True)
class ValueGolden:
    """A value golden that was read and found whole.

    ``value`` is the canonical value as JSON data, or ``None`` if ``kind`` is ``hash``. ``signature`` says what could be
    found out about the signature.
    """

    file: str
    key: str
    kind: Kind
    hash: str
    size: int
    seed: int
    rules: Rules
    provenance: Mapping[str, Any]
    key_id: str | None
    signature: Signature
    value: Any


def render_value_golden(
    canonical: Canonical,
    *,
    key: str,
    seed: int,
    provenance: Mapping[str, Any],
    ring: KeyRing | None,
    hash_only: bool = False,
) -> bytes:
    """The file of a new golden. Deterministic but for ``provenance``.

    Raises:
        TextEncodingError: the key holds a lone surrogate, as does one made from an undecodable file name.
    """
    try:
        key.encode()
    except UnicodeEncodeError:
        raise TextEncodingError(
            f"the key {key!a} is not text that can be stored",
            hint="name the golden, or rename the test file",
        ) from None
    head = {
        "bytes": len(canonical.text),
        "format": FORMAT,
        "hash": canonical.hash,
        "key": key,
        "kind": "hash" if hash_only else "value",
        "rules": canonical.rules.to_json(),
        "seed": seed,
    }
    head["seal"] = make_seal(head, ring)
    head["provenance"] = with_digest(provenance)
    return _render(head, None if hash_only else canonical)


def _render(head: Mapping[str, Any], canonical: Canonical | None) -> bytes:
    start = _HEAD_START + _indented(encode_pretty(head))
    if canonical is None:
        return start + b"\n}\n"
    return start + _VALUE_START + _indented(canonical.pretty()) + b"\n}\n"


def _indented(text: bytes) -> bytes:
    """JSON text one level deeper; a line break in it is always layout, for texts have theirs escaped."""
    return text.replace(b"\n", b"\n  ")


def same(
    data: bytes,
    canonical: Canonical,
    *,
    key: str,
    seed: int,
    ring: KeyRing | None,
    policy: Policy,
    file: str,
) -> Signature | None:
    """What is known of the signature, if ``data`` is exactly the intact golden of this value, key, seed and rules.

    ``None`` says nothing about why not: the file may be damaged, differ, or only be laid out otherwise.

    Raises:
        GoldenFileError: as :func:`check_seal`; ``file`` is what the error calls the file.
    """
    end = data.find(_VALUE_START)
    if end < 0:
        end = len(data) - 3
    if not data.startswith(_HEAD_START):
        return None
    try:
        head = orjson.loads(data[len(_HEAD_START) : end])
    except orjson.JSONDecodeError:
        return None
    if not isinstance(head, dict) or head.get("kind") not in ("value", "hash"):
        return None
    rules = head.get("rules")
    if (
        head.get("hash") != canonical.hash
        or head.get("format") != FORMAT
        or head.get("key") != key
        or head.get("seed") != seed
        or not isinstance(rules, dict)
        or rules.get("hash") != canonical.rules.hash
        or not provenance_holds(head.get("provenance"))
        or data != _render(head, canonical if head["kind"] == "value" else None)
    ):
        return None
    return check_seal(_envelope(head), head.get("seal"), ring, policy, file=file)


def read_value_golden(
    path: Path,
    *,
    ring: KeyRing | None = None,
    policy: Policy = Policy.INTEGRITY,
    key: str | None = None,
) -> ValueGolden:
    """Read and check a golden.

    Raises:
        GoldenFileError: one of its subclasses, naming file and line. :class:`GoldenKeyMismatchError` if ``key`` is
            given and the golden is another's.
    """
    return parse_value_golden(read_bytes(path), file=str(path), ring=ring, policy=policy, key=key)


def parse_value_golden(
    data: bytes,
    *,
    file: str,
    ring: KeyRing | None = None,
    policy: Policy = Policy.INTEGRITY,
    key: str | None = None,
) -> ValueGolden:
    """As :func:`read_value_golden`, for content that was read already."""
    document = _document(data, file)
    head = document.get("golden") if isinstance(document, dict) else None
    if not isinstance(head, dict) or not isinstance(head.get("format"), str):
        raise GoldenForeignError(
            'JSON, but not a golden: there is no "golden" object with a "format"',
            file=file,
            line=1,
            hint="move it out of the golden folder, or lift an older form: aos-workflow golden migrate --check",
        )
    check_format(head["format"], file=file, line=_line(data, "format"))
    _check_head(document, head, file, data)
    seal, line = head.get("seal"), _line(data, "seal")
    signature = check_seal(_envelope(head), seal, ring, policy, file=file, line=line)
    value = document.get("value")
    if policy is not Policy.OFF:
        _check_content(head, value, file, data)
    if key is not None and head["key"] != key:
        raise GoldenKeyMismatchError(
            f"this is the golden of {redact(head['key'])!r}, expected that of {key!r}",
            file=file,
            line=_line(data, "key"),
            hint="record again: pytest --golden-record --golden-force",
        )
    return ValueGolden(
        file=file,
        key=head["key"],
        kind=head["kind"],
        hash=head["hash"],
        size=head["bytes"],
        seed=head["seed"],
        rules=stored_rules(head["rules"], file=file, line=_line(data, "rules")),
        provenance=head["provenance"],
        key_id=key_id_of(seal),
        signature=signature,
        value=value,
    )


def reseal_value_golden(data: bytes, golden: ValueGolden, ring: KeyRing | None) -> bytes:
    """The file of a golden that was read, with a new seal; nothing else changes."""
    document = _document(data, golden.file)
    head = document["golden"]
    head["seal"] = make_seal(_envelope(head), ring)
    if golden.kind == "hash":
        return _render(head, None)
    return _render(head, canonical_json(document["value"]))


_HEAD_FIELDS: dict[str, type] = {
    "bytes": int,
    "format": str,
    "hash": str,
    "key": str,
    "kind": str,
    "provenance": dict,
    "rules": dict,
    "seed": int,
}


def _document(data: bytes, file: str) -> Any:
    return loads(data, file=file, max_depth=MAX_DEPTH + 1)


def _line(data: bytes, field: str, after: bytes = b"") -> int:
    """The line of a field of the head, which stands before the value; or else 1."""
    return data.count(b"\n", 0, max(0, data.find(b'"%b"%b' % (field.encode(), after)))) + 1


def _check_head(
    document: Mapping[str, Any], head: Mapping[str, Any], file: str, data: bytes
) -> None:
    wrong = [name for name, kind in _HEAD_FIELDS.items() if type(head.get(name)) is not kind]
    unknown = sorted(set(head) - set(_HEAD_FIELDS) - set(_UNSEALED))
    stray = sorted(set(document) - {"golden", "value"})
    if wrong or unknown or stray:
        found = [f"{name} missing or of the wrong type" for name in wrong]
        found += [f"unknown field {redact(name)!r}" for name in (*unknown, *stray)]
        raise GoldenTamperedError(
            f"the head is not what we write: {'; '.join(found)}",
            file=file,
            line=_line(data, (*unknown, *stray, "golden")[0]),
            hint=f"git checkout -- {shlex.quote(file)}",
        )
    if head["kind"] not in ("value", "hash") or (head["kind"] == "value") is not (
        "value" in document
    ):
        raise GoldenTamperedError(
            f"kind {redact(head['kind'])!r} and the {'presence' if 'value' in document else 'absence'} of a value "
            "contradict",
            file=file,
            line=_line(data, "kind"),
            hint=f"git checkout -- {shlex.quote(file)}",
        )


def _check_content(head: Mapping[str, Any], value: Any, file: str, data: bytes) -> None:
    if head["kind"] == "value":
        actual = canonical_json(value).hash
        if not hmac.compare_digest(actual.encode(), head["hash"].encode()):
            raise GoldenTamperedError(
                "the value does not match the recorded hash: it was edited by hand",
                file=file,
                line=_line(data, "value", b":"),
                hint=f"git checkout -- {shlex.quote(file)}; record a value to change it, do not edit the file",
            )
    check_provenance(head["provenance"], file=file, line=_line(data, "provenance"))


def _envelope(head: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in head.items() if name not in _UNSEALED}

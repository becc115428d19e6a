"""Any golden file, whatever its form: tell which, read it, check it, sign it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aos_workflow.determinism import sorted_files
from aos_workflow.errors import GoldenFileError, KeyRingError
from aos_workflow.golden.atomic import write_atomic
from aos_workflow.golden.canonical import canonical_json
from aos_workflow.golden.keys import KeyRing
from aos_workflow.golden.legacy_golden import LegacyGolden, parse_legacy_golden, sign_legacy
from aos_workflow.golden.run_golden import (
    RUN_SUFFIX,
    RunGolden,
    parse_run_golden,
    seal_trailer,
)
from aos_workflow.golden.sealing import Policy, Signature
from aos_workflow.golden.source import read_bytes
from aos_workflow.golden.strict_json import loads
from aos_workflow.golden.value_golden import (
    VALUE_SUFFIX,
    ValueGolden,
    parse_value_golden,
    reseal_value_golden,
)

__all__ = ["AnyGolden", "Form", "Verdict", "form_of", "golden_files", "load", "sign", "verify"]

AnyGolden = ValueGolden | RunGolden | LegacyGolden
Form = Literal["value", "run", "legacy"]


def golden_files(root: Path) -> Iterator[Path]:
    """The golden files below a folder in order of their paths, or the file itself."""
    if root.is_dir():
        yield from sorted_files(root, RUN_SUFFIX, ".json")
    else:
        yield root


def form_of(path: Path) -> Form:
    """The form that a file's name promises; what it holds is checked on reading."""
    if path.name.endswith((RUN_SUFFIX, ".jsonl")):
        return "run"
    return "value" if path.name.endswith(VALUE_SUFFIX) else "legacy"


def load(
    path: Path, *, ring: KeyRing | None = None, policy: Policy = Policy.INTEGRITY
) -> AnyGolden:
    """Read and check a golden of any form.

    Raises:
        GoldenFileError: one of its subclasses, naming file and line.
    """
    return _parse(read_bytes(path), path, ring, policy)


def _parse(data: bytes, path: Path, ring: KeyRing | None, policy: Policy) -> AnyGolden:
    match form_of(path):
        case "run":
            return parse_run_golden(data, file=str(path), ring=ring, policy=policy)
        case "value":
            return parse_value_golden(data, file=str(path), ring=ring, policy=policy)
        case "legacy":
            document = loads(data, file=str(path))
            if isinstance(document, dict) and isinstance(document.get("golden"), dict):
                return parse_value_golden(data, file=str(path), ring=ring, policy=policy)
            return parse_legacy_golden(data, file=str(path), ring=ring, policy=policy)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of verifying one file. ``code`` is ``OK`` or the code of ``error``."""

    file: str
    form: Form
    code: str
    signature: Signature | None = None
    key_id: str | None = None
    hash: str | None = None
    error: GoldenFileError | None = None

    def __bool__(self) -> bool:
        return self.error is None

    def to_json(self) -> dict[str, Any]:
        """The verdict as JSON data."""
        error = self.error.to_dict() if self.error else {}
        return {
            "file": self.file,
            "form": self.form,
            "ok": bool(self),
            "code": self.code,
            "signature": self.signature,
            "key_id": self.key_id,
            "hash": self.hash,
            **{name: error[name] for name in ("message", "line", "hint") if name in error},
        }


def verify(
    path: Path, *, ring: KeyRing | None = None, policy: Policy = Policy.INTEGRITY
) -> Verdict:
    """Read and check a golden of any form, and say how it went instead of raising."""
    form = form_of(path)
    try:
        golden = load(path, ring=ring, policy=policy)
    except GoldenFileError as error:
        return Verdict(str(path), form, error.code, error=error)
    if isinstance(golden, LegacyGolden):
        found = canonical_json(golden.value).hash
        return Verdict(str(path), "legacy", "OK", golden.signature, None, found)
    form = "run" if isinstance(golden, RunGolden) else "value"
    return Verdict(str(path), form, "OK", golden.signature, golden.key_id, golden.hash)


def sign(path: Path, ring: KeyRing | None, *, check: KeyRing | None = None) -> AnyGolden:
    """Sign a golden in place with the key that signs, after checking that it is whole.

    The content, its hash and the file's times stay. With ``check``, the signature it has must be a valid one by a key
    of that ring; without, digest and chain must hold. ``ring=None`` takes the signature away.

    Raises:
        GoldenFileError: the file does not verify; it is left as it was.
        KeyRingError: no key, and the older form cannot be without.
    """
    data = read_bytes(path)
    policy = Policy.REQUIRE if check is not None else Policy.INTEGRITY
    golden = _parse(data, path, check, policy)
    if isinstance(golden, ValueGolden):
        new = reseal_value_golden(data, golden, ring)
    elif isinstance(golden, RunGolden):
        lines = data.replace(b"\r\n", b"\n").rstrip().split(b"\n")
        trailer = loads(lines[-1])
        new = b"\n".join(lines[:-1]) + b"\n" + seal_trailer(trailer, trailer["provenance"], ring)
    elif ring is None:
        raise KeyRingError(f"{path}: a golden of the older form cannot be sealed without a key")
    else:
        new = sign_legacy(golden.value, ring)
    if new != data:
        write_atomic(path, new, keep_times=True)
    return golden

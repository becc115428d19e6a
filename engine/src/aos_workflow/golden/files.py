"""Any golden file, whatever its form: tell which, read it, check it, sign it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal

from aos_workflow.determinism import sorted_files
from aos_workflow.errors import GoldenFileError, KeyRingError
from aos_workflow.golden.atomic import write_atomic
from aos_workflow.golden.canonical import canonical_json
from aos_workflow.golden.keys import KeyRing
from aos_workflow.golden.legacy_golden import LegacyGolden, parse_legacy_golden, sign_legacy
from aos_workflow.golden.limits import MAX_DEPTH
from aos_workflow.golden.run_golden import (
    RUN_SUFFIX,
    RunGolden,
    parse_run_golden,
    reseal_run_golden,
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

__all__ = [
    "AnyGolden",
    "Form",
    "Verdict",
    "form_in",
    "form_of",
    "golden_files",
    "load",
    "parse",
    "sign",
    "verify",
    "verify_bytes",
]

AnyGolden = ValueGolden | RunGolden | LegacyGolden
Form = Literal["value", "run", "legacy"]


def golden_files(root: Path) -> Iterator[Path]:
    """The golden files below a folder in order of their paths, or the file itself.

    A pipe or device in a folder is no golden, whatever its name: reading it might never end.

    Raises:
        GoldenFileError: a folder cannot be listed.
    """
    if not root.is_dir():
        yield root
        return
    try:
        for path in sorted_files(root, RUN_SUFFIX, ".json"):
            if path.is_file() or not path.exists():  # a dangling link is missing, and said to be
                yield path
    except OSError as error:
        raise GoldenFileError(
            f"cannot be listed: {error.strerror}", file=str(error.filename or root)
        ) from None


def form_of(path: PurePath) -> Form:
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
    data = read_bytes(path)
    return parse(data, file=str(path), form=form_in(data, path), ring=ring, policy=policy)


def parse(
    data: bytes,
    *,
    file: str,
    form: Form,
    ring: KeyRing | None = None,
    policy: Policy = Policy.INTEGRITY,
) -> AnyGolden:
    """As :func:`load`, for content that was read already."""
    match form:
        case "run":
            return parse_run_golden(data, file=file, ring=ring, policy=policy)
        case "value":
            return parse_value_golden(data, file=file, ring=ring, policy=policy)
        case "legacy":
            return parse_legacy_golden(data, file=file, ring=ring, policy=policy)


def form_in(data: bytes, path: PurePath | None) -> Form:
    """The form of what was read: that which the file's name promises, unless the name says no more than JSON.

    Without a path the content decides; what cannot be made out counts as the older form, whose reader says why.
    """
    if path is not None and form_of(path) != "legacy":
        return form_of(path)
    if path is None and "event_type" in _object_in(data.lstrip().partition(b"\n")[0]):
        return "run"
    head = _object_in(data).get("golden")
    return "value" if isinstance(head, dict) and "format" in head else "legacy"


def _object_in(data: bytes) -> Mapping[str, Any]:
    try:
        found = loads(data, max_depth=MAX_DEPTH + 1)
    except GoldenFileError:
        return {}
    return found if isinstance(found, dict) else {}


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
    """Why the file does not verify."""

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
    try:
        data = read_bytes(path)
    except GoldenFileError as error:
        return Verdict(str(path), form_of(path), error.code, error=error)
    return verify_bytes(data, file=str(path), form=form_in(data, path), ring=ring, policy=policy)


def verify_bytes(
    data: bytes,
    *,
    file: str,
    form: Form,
    ring: KeyRing | None = None,
    policy: Policy = Policy.INTEGRITY,
) -> Verdict:
    """As :func:`verify`, for content that was read already."""
    try:
        golden = parse(data, file=file, form=form, ring=ring, policy=policy)
    except GoldenFileError as error:
        return Verdict(file, form, error.code, error=error)
    if isinstance(golden, LegacyGolden):
        found = canonical_json(golden.value).hash
        return Verdict(file, form, "OK", golden.signature, None, found)
    return Verdict(file, form, "OK", golden.signature, golden.key_id, golden.hash)


def sign(path: Path, ring: KeyRing | None, *, check: KeyRing | None = None) -> AnyGolden:
    """Sign a golden in place with the key that signs, after checking that it is whole.

    The content, its hash and the file's times stay. With ``check``, the signature it has must be a valid one by a key
    of that ring. Without, digest and chain must hold, and a signature by a key of ``ring`` must be valid; the older
    form has neither digest nor key id, so it is signed as it is. ``ring=None`` takes the signature away.

    Raises:
        GoldenFileError: the file does not verify; it is left as it was.
        KeyRingError: no key, and the older form cannot be without.
    """
    data = read_bytes(path)
    form = form_in(data, path)
    unchecked = Policy.OFF if form == "legacy" else Policy.INTEGRITY
    policy = Policy.REQUIRE if check is not None else unchecked
    golden = parse(data, file=str(path), form=form, ring=check or ring, policy=policy)
    if isinstance(golden, ValueGolden):
        new = reseal_value_golden(data, golden, ring)
    elif isinstance(golden, RunGolden):
        new = reseal_run_golden(data, golden, ring)
    elif ring is None:
        raise KeyRingError(f"{path}: a golden of the older form cannot be sealed without a key")
    else:
        new = sign_legacy(golden.document, ring)
    if new != data:
        write_atomic(path, new, keep_times=True)
    return golden

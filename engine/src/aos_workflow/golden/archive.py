"""A folder of goldens as one tar file, with a manifest that says what belongs into it.

``tar -xzf ARCHIVE -C FOLDER`` unpacks one as well: the names are those below the folder. The manifest is the last
member, ``.aos-manifest``, whose name no golden has: times, sizes and SHA-256 of every file, and a seal over all of it,
so that a file that was left out is missed. An archive without one, as plain tar makes it, can be read too; then only
the goldens' own seals protect it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from aos_workflow.determinism import Clock, SystemClock, SystemEntropy, rfc3339
from aos_workflow.errors import (
    AosError,
    GoldenExistsError,
    GoldenFileError,
    GoldenForeignError,
    GoldenMissingError,
    GoldenTamperedError,
    GoldenTruncatedError,
    UsageError,
)
from aos_workflow.golden.atomic import TEMPORARY_SUFFIX, publish, write_atomic
from aos_workflow.golden.encoding import encode
from aos_workflow.golden.files import form_in, golden_files, verify_bytes
from aos_workflow.golden.keys import KeyRing
from aos_workflow.golden.limits import MAX_FILE_BYTES
from aos_workflow.golden.run_golden import RUN_SUFFIX
from aos_workflow.golden.sealing import Policy, check_seal, make_seal
from aos_workflow.golden.source import read_bytes
from aos_workflow.golden.strict_json import loads

__all__ = ["MANIFEST", "Archived", "check_archive", "is_same", "restore_archive", "write_archive"]

MANIFEST = ".aos-manifest"
FORMAT = "aos-golden-archive/1"
MAX_MEMBERS = 1_000_000
"""Of one archive. What has more was not made by us, or belongs into several."""


@dataclass(frozen=True, slots=True)
class Archived:
    """One golden of an archive. ``error`` is why it, or its place in the archive, cannot be trusted."""

    name: str
    size_bytes: int
    sha256: str
    modified_s: int
    error: AosError | None = None

    def __bool__(self) -> bool:
        return self.error is None

    def to_json(self) -> dict[str, Any]:
        """As it stands in the manifest."""
        return {
            "name": self.name,
            "bytes": self.size_bytes,
            "sha256": self.sha256,
            "modified": self.modified_s,
        }


def write_archive(
    folder: Path,
    archive: Path,
    *,
    ring: KeyRing | None = None,
    policy: Policy = Policy.INTEGRITY,
    clock: Clock | None = None,
) -> tuple[Archived, ...]:
    """Put every golden below ``folder`` into ``archive``, which appears whole or not at all.

    One that does not verify is put in as it is, as evidence, and has its error. One that cannot be read is left out,
    has its error, and no hash.

    Raises:
        GoldenExistsError: there is such an archive already.
        GoldenMissingError: there is no such folder.
        UsageError: the folder holds no golden.
        OSError: the archive cannot be written.
    """
    if archive.exists():
        raise GoldenExistsError(f"{archive} exists already", hint="give another name with --to")
    if not folder.is_dir():
        raise GoldenMissingError("no such folder", file=str(folder), hint="check the path")
    archive.parent.mkdir(parents=True, exist_ok=True)
    token = SystemEntropy().token_hex(6)
    temporary = archive.with_name(f".{archive.name}.{token}{TEMPORARY_SUFFIX}")
    try:
        with (
            temporary.open("xb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as zipped,
            tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            found = tuple(_pack(tar, folder, ring, policy))
            packed = [entry for entry in found if entry.sha256]
            if not packed:
                raise UsageError(f"no goldens in {folder}", hint="check the path")
            _add(tar, MANIFEST, _manifest(packed, ring, clock or SystemClock()), 0)
        publish(temporary, archive)
    finally:
        temporary.unlink(missing_ok=True)
    return found


def check_archive(
    archive: Path, *, ring: KeyRing | None = None, policy: Policy = Policy.INTEGRITY
) -> tuple[Archived, ...]:
    """Every golden of an archive, each verified; what the manifest names and is not there has an error too.

    Raises:
        GoldenMissingError: there is no such file.
        GoldenTruncatedError, GoldenForeignError: it is damaged, or no tar file.
        GoldenTamperedError: the manifest is not what was written.
        GoldenUnsignedError, GoldenUnknownKeyError: of the manifest, under ``require``.
    """
    found: dict[str, Archived] = {}
    manifest: bytes | None = None
    for name, modified_s, data in _members(archive):
        if name == MANIFEST:
            manifest = data
        elif name in found:
            found[name] = _bad(found[name], archive, "is in the archive twice")
        else:
            found[name] = _judged(name, modified_s, data, archive, ring, policy)
    if manifest is None:
        return tuple(found.values())
    named = _read_manifest(archive, manifest, ring, policy)
    return tuple(_compared(found, named, archive))


def restore_archive(archive: Path, folder: Path, checked: Mapping[str, Archived]) -> list[str]:
    """Write those goldens of an archive that ``checked`` names, each atomically, with its time; the names of those.

    What is there already, byte for byte, stays as it is.

    Raises:
        GoldenTamperedError: the archive is another one than was checked; what was written before stays.
        OSError: a file cannot be written.
    """
    written = []
    for name, _, data in _members(archive):
        entry = checked.get(name)
        if entry is None:
            continue
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise _tampered(archive, name, "has changed since it was checked")
        if is_same(folder / name, entry):
            continue
        _put(folder, entry, data)
        written.append(name)
    return written


def is_same(path: Path, entry: Archived) -> bool:
    """Whether the file is there, byte for byte."""
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest() == entry.sha256
    except GoldenFileError:
        return False


def _pack(
    tar: tarfile.TarFile, folder: Path, ring: KeyRing | None, policy: Policy
) -> Iterator[Archived]:
    for path in golden_files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            data = read_bytes(path)
            modified_s = int(path.stat().st_mtime)
        except (GoldenFileError, OSError) as error:
            yield Archived(name, 0, "", 0, _unreadable(path, error))
            continue
        entry = _judged(name, modified_s, data, folder, ring, policy)
        _add(tar, name, data, modified_s)
        yield entry


def _unreadable(path: Path, error: GoldenFileError | OSError) -> GoldenFileError:
    if isinstance(error, GoldenFileError):
        return error
    return GoldenFileError(f"cannot be read: {error.strerror}", file=str(path))


def _add(tar: tarfile.TarFile, name: str, data: bytes, modified_s: int) -> None:
    """Only name, time and content: neither the user nor the machine."""
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = len(data), modified_s, 0o644
    tar.addfile(member, io.BytesIO(data))


def _judged(
    name: str, modified_s: int, data: bytes, where: Path, ring: KeyRing | None, policy: Policy
) -> Archived:
    form = form_in(data, PurePosixPath(name))
    verdict = verify_bytes(data, file=f"{where}/{name}", form=form, ring=ring, policy=policy)
    return Archived(
        name, len(data), hashlib.sha256(data).hexdigest(), modified_s, error=verdict.error
    )


def _members(archive: Path) -> Iterator[tuple[str, int, bytes]]:
    """Name, time and content of the goldens and the manifest, in order. Anything else that is a file is passed over."""
    try:
        with archive.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:*") as tar:
            for count, member in enumerate(tar):
                if count >= MAX_MEMBERS:
                    raise GoldenForeignError(
                        f"more than {MAX_MEMBERS:,} files", file=str(archive), line=None
                    )
                name = _safe_name(archive, member)
                if name is not None and (content := tar.extractfile(member)) is not None:
                    yield name, int(member.mtime), content.read()
    except FileNotFoundError:
        raise GoldenMissingError(
            "no such file", file=str(archive), hint="list the archives: ls -lt FOLDER"
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise GoldenTruncatedError(
            "the archive is damaged, or its end is missing",
            file=str(archive),
            hint="take an older archive",
        ) from None
    except tarfile.TarError as error:
        raise GoldenForeignError(
            f"not a tar file: {error}", file=str(archive), hint="check the path"
        ) from None


def _safe_name(archive: Path, member: tarfile.TarInfo) -> str | None:
    """The name below a folder; ``None`` for what is not a golden.

    Raises:
        GoldenTamperedError: a name that leads out of the folder, a link or a device: nobody packs that by accident.
    """
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        raise _tampered(archive, member.name, "leads out of the folder")
    if member.isdir():
        return None
    if not member.isreg():
        raise _tampered(archive, member.name, "is no file")
    name = path.as_posix()
    is_hidden = any(part.startswith(".") for part in path.parts)
    if name != MANIFEST and (is_hidden or not name.endswith((RUN_SUFFIX, ".json"))):
        return None
    if member.size > MAX_FILE_BYTES:
        raise _tampered(archive, name, f"has {member.size:,} bytes, more than any golden")
    return name


def _manifest(found: Sequence[Archived], ring: KeyRing | None, clock: Clock) -> bytes:
    content = {
        "format": FORMAT,
        "created_at": rfc3339(clock.now()),
        "files": [entry.to_json() for entry in found],
    }
    return encode({**content, "seal": make_seal(content, ring)}) + b"\n"


def _read_manifest(
    archive: Path, data: bytes, ring: KeyRing | None, policy: Policy
) -> dict[str, Mapping[str, Any]]:
    where = f"{archive}/{MANIFEST}"
    content = loads(data, file=where)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise GoldenForeignError(f"not a manifest of {FORMAT}", file=where)
    check_seal(
        {name: item for name, item in content.items() if name != "seal"},
        content.get("seal"),
        ring,
        policy,
        file=where,
    )
    entries = content.get("files")
    if type(entries) is not list or not all(map(_is_entry, entries)):
        raise GoldenForeignError("the list of files is malformed", file=where)
    return {entry["name"]: entry for entry in entries}


def _is_entry(entry: Any) -> bool:
    kinds = {"name": str, "bytes": int, "sha256": str, "modified": int}
    return type(entry) is dict and {key: type(value) for key, value in entry.items()} == kinds


def _compared(
    found: Mapping[str, Archived], named: Mapping[str, Mapping[str, Any]], archive: Path
) -> Iterator[Archived]:
    """What was found, against what the manifest says."""
    for name, entry in found.items():
        if name not in named:
            yield _bad(entry, archive, "is not in the manifest")
        elif named[name]["sha256"] != entry.sha256:
            yield _bad(entry, archive, "is not the file that was archived")
        else:
            yield entry
    for name, known in named.items():
        if name not in found:
            missing = Archived(name, known["bytes"], known["sha256"], known["modified"])
            yield _bad(missing, archive, "is in the manifest, and not in the archive")


def _bad(entry: Archived, archive: Path, problem: str) -> Archived:
    error = _tampered(archive, entry.name, problem)
    return Archived(entry.name, entry.size_bytes, entry.sha256, entry.modified_s, error)


def _tampered(archive: Path, name: str, problem: str) -> GoldenTamperedError:
    return GoldenTamperedError(
        problem, file=f"{archive}/{name}", hint="take another archive, and find out who had access"
    )


def _put(folder: Path, entry: Archived, data: bytes) -> None:
    path = folder / entry.name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data)
    os.utime(path, (entry.modified_s, entry.modified_s))

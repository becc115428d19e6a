"""Writing a file so that a reader, or a crash at any moment, finds the old content or the new, whole."""

from __future__ import annotations

import os
import stat
from datetime import timedelta
from math import inf
from pathlib import Path

from aos_workflow.determinism import Clock, SystemClock, SystemEntropy
from aos_workflow.determinism.entropy import Entropy

__all__ = ["STALE_AFTER", "TEMPORARY_SUFFIX", "publish", "remove_stale", "write_atomic"]

TEMPORARY_SUFFIX = ".aos-tmp"
"""Ends the names of unfinished files. They begin with a dot, so nobody reads them. A crash may leave one."""
STALE_AFTER = timedelta(hours=1)
"""Age at which an unfinished file is left over from a crash. Writing one takes milliseconds."""

_NAME_BYTES = 80
"""Of the file's name in the temporary one; file systems take 255 in all."""


def write_atomic(
    path: Path,
    data: bytes,
    *,
    keep_times: bool = False,
    new_mode: int = 0o666,
    entropy: Entropy | None = None,
) -> None:
    """Put ``data`` at ``path``: temporary file in the same folder, fsync, replace, fsync of the folder.

    A file that was there hands on its permissions, and its owner if we may give it; through a symbolic link, its target
    is replaced. ``new_mode`` is for a file that was not there, and lessened by the umask. ``keep_times`` gives the new
    file the old one's times, for a rewrite that changes nothing a reader cares about.

    Raises:
        OSError: the folder cannot be written; the old file is untouched.
    """
    target = path.resolve() if path.is_symlink() else path
    token = (entropy or SystemEntropy()).token_hex(6)
    name = os.fsdecode(os.fsencode(target.name)[:_NAME_BYTES])
    temporary = target.with_name(f".{name}.{token}{TEMPORARY_SUFFIX}")
    old = _stat(target)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(temporary, flags, new_mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _replace(temporary, target, old, keep_times)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def publish(temporary: Path, path: Path, *, durable: bool = True) -> None:
    """Put a whole file of the same folder in the place of ``path``, as :func:`write_atomic` does with its own.

    Without ``durable``, a power failure soon afterwards may undo it; a killed process never does.

    Raises:
        OSError: the folder cannot be written; both files are untouched.
    """
    target = path.resolve() if path.is_symlink() else path
    if durable:
        handle = os.open(temporary, os.O_RDWR | getattr(os, "O_BINARY", 0))
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    _replace(temporary, target, _stat(target), keep_times=False)
    if durable:
        _sync_folder(target.parent)


def _replace(temporary: Path, target: Path, old: os.stat_result | None, keep_times: bool) -> None:
    if old is not None:
        _hand_on(old, temporary, keep_times)
    temporary.replace(target)


def remove_stale(
    folder: Path, *, older_than: timedelta | None = STALE_AFTER, clock: Clock | None = None
) -> list[Path]:
    """Remove the unfinished files that crashes left directly in a folder, and return them.

    Only names of ours count, and only beyond an age at which no writer can still be at work; at any age if
    ``older_than`` is ``None``, for who knows that nobody else writes there.
    """
    now = (clock or SystemClock()).now()
    limit = inf if older_than is None else (now - older_than).timestamp()
    removed = []
    for entry in _entries(folder):
        if not (entry.name.startswith(".") and entry.name.endswith(TEMPORARY_SUFFIX)):
            continue
        try:
            if entry.stat(follow_symlinks=False).st_mtime < limit:
                Path(entry.path).unlink()
                removed.append(Path(entry.path))
        except OSError:  # another process was faster, or it is not ours to remove
            continue
    return sorted(removed)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _hand_on(old: os.stat_result, temporary: Path, keep_times: bool) -> None:
    """Make the new file look like the old one from outside."""
    if os.name != "nt":
        new = temporary.stat()
        if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
            _give(temporary, old)
        temporary.chmod(stat.S_IMODE(old.st_mode))
    if keep_times:
        os.utime(temporary, ns=(old.st_atime_ns, old.st_mtime_ns))


def _give(temporary: Path, old: os.stat_result) -> None:
    """Root gives a file away; others may hand it to a group of theirs at most."""
    for user, group in ((old.st_uid, old.st_gid), (-1, old.st_gid)):
        try:
            os.chown(temporary, user, group)
        except PermissionError:
            continue
        return


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

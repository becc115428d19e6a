"""Writing a file so that a reader, or a crash at any moment, finds the old content or the new, whole."""

from __future__ import annotations

import os
from pathlib import Path

from aos_workflow.determinism import SystemEntropy
from aos_workflow.determinism.entropy import Entropy

__all__ = ["TEMPORARY_SUFFIX", "write_atomic"]

TEMPORARY_SUFFIX = ".aos-tmp"
"""Ends the names of unfinished files. They begin with a dot; nobody reads them, and a crash may leave one."""


def write_atomic(
    path: Path, data: bytes, *, keep_times: bool = False, entropy: Entropy | None = None
) -> None:
    """Put ``data`` at ``path``: temporary file in the same folder, fsync, replace, fsync of the folder.

    ``keep_times`` gives the new file the old one's times, for a rewrite that changes nothing a reader cares about.

    Raises:
        OSError: the folder cannot be written; the old file is untouched.
    """
    token = (entropy or SystemEntropy()).token_hex(6)
    temporary = path.with_name(f".{path.name[:80]}.{token}{TEMPORARY_SUFFIX}")
    times = path.stat() if keep_times else None
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if times:
            os.utime(temporary, ns=(times.st_atime_ns, times.st_mtime_ns))
            temporary.chmod(times.st_mode & 0o777)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

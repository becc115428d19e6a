"""Reading a golden file's bytes: one place for what can go wrong before the first byte is understood."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from aos_workflow.errors import GoldenFileError, GoldenMissingError, GoldenTooLargeError
from aos_workflow.golden.limits import MAX_FILE_BYTES

__all__ = ["read_bytes", "read_stream"]


def read_bytes(path: str | Path, *, limit: int = MAX_FILE_BYTES) -> bytes:
    """The content of a file of at most ``limit`` bytes.

    Raises:
        GoldenMissingError: no such file.
        GoldenTooLargeError: beyond the limit; nothing is read then.
        GoldenFileError: a folder, or unreadable.
    """
    try:
        handle = os.open(
            path, _FLAGS
        )  # half the system calls of a file object, and this is done for every golden
        try:
            found = os.fstat(handle)
            if stat.S_ISDIR(found.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            size = found.st_size if stat.S_ISREG(found.st_mode) else 0
            data = b"" if size > limit else os.read(handle, size + 1)
            if len(data) != size:  # a pipe, which has no size; or somebody writes
                with FileIO(handle, closefd=False) as rest:
                    data += read_stream(rest, limit=max(0, limit - len(data)))
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise GoldenMissingError(
            "no such file",
            file=str(path),
            hint="check the path, or record it: pytest --golden-record",
        ) from None
    except OSError as error:
        raise GoldenFileError(f"cannot be read: {error.strerror}", file=str(path)) from None
    if max(size, len(data)) > limit:
        raise GoldenTooLargeError(
            f"{max(size, len(data)):,} bytes or more; the limit is {limit:,}",
            file=str(path),
            line=1,
            hint="record a smaller value, or its hash only: golden(hash_only=True)",
        )
    return data


def read_stream(file: BinaryIO | FileIO, *, limit: int = MAX_FILE_BYTES) -> bytes:
    """What a stream holds, or one byte more than ``limit`` of it."""
    parts, left = [], limit + 1
    while left and (part := file.read(min(left, _CHUNK_BYTES))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


_CHUNK_BYTES = 1 << 20
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)

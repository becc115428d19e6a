"""Reading a golden file's bytes: one place for what can go wrong before the first byte is understood."""

from __future__ import annotations

import os
from pathlib import Path

from aos_workflow.errors import GoldenFileError, GoldenMissingError, GoldenTooLargeError
from aos_workflow.golden.limits import MAX_FILE_BYTES

__all__ = ["read_bytes"]


def read_bytes(path: Path, *, limit: int = MAX_FILE_BYTES) -> bytes:
    """The content of a file of at most ``limit`` bytes.

    Raises:
        GoldenMissingError: no such file.
        GoldenTooLargeError: beyond the limit; nothing is read then.
        GoldenFileError: a folder, or unreadable.
    """
    try:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            data = b"" if size > limit else file.readall()
    except FileNotFoundError:
        raise GoldenMissingError("no such file", file=str(path)) from None
    except OSError as error:
        raise GoldenFileError(f"cannot be read: {error.strerror}", file=str(path)) from None
    if max(size, len(data)) > limit:
        raise GoldenTooLargeError(
            f"{size} bytes, more than the limit of {limit}",
            file=str(path),
            hint="record a smaller value, or its hash only: golden(hash_only=True)",
        )
    return data

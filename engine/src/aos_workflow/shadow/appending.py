"""A file that grows at its end, by whole appends only."""

from __future__ import annotations

import errno
import os
from pathlib import Path

__all__ = ["AppendFile"]


class AppendFile:
    """Everything up to ``size`` is whole. What is found behind it was cut short by a crash, and is cut off."""

    def __init__(self, path: Path, size: int | None = None) -> None:
        """Open or make it; without ``size``, all that is there is whole. Raises OSError."""
        self.path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        found = os.fstat(self._handle).st_size
        self.size = found if size is None else min(size, found)
        os.ftruncate(self._handle, self.size)

    def append(self, data: bytes, *, sync: bool) -> None:
        """Append all of it, and with ``sync`` see it on the disk.

        Raises:
            OSError: nothing of it is in the file.
        """
        try:
            if os.pwrite(self._handle, data, self.size) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            if sync:
                os.fsync(self._handle)
        except OSError:
            os.ftruncate(self._handle, self.size)
            raise
        self.size += len(data)

    def close(self) -> None:
        """Close it."""
        os.close(self._handle)

"""Where lines go: a stream, and a file that another program may move away or cut at any time."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO, cast

from aos_workflow.errors import UsageError

__all__ = ["Sinks"]


class Sinks:
    """Writes each line at once, to standard output and, if one is named, to a file.

    The file is opened anew when it was moved or removed, as by logrotate. A disk that is full, or a pipe that nobody
    reads, loses lines and stops nothing; ``lost`` counts them.

    Raises:
        UsageError: the file cannot be opened.
    """

    def __init__(self, file: Path | None = None, stream: IO[str] | None = None) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self._path = file
        self._file: BinaryIO | None = None
        self._inode: tuple[int, int] | None = None
        self.lost = 0
        if file is not None:
            try:
                self._open(file)
            except OSError as error:
                raise UsageError(
                    f"the log file {file} cannot be opened: {error.strerror or error}",
                    hint=f"make its folder writable, or choose another one: --log-file (was {file})",
                ) from None

    def write(self, line: str) -> None:
        """Write one line, without its end."""
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self.lost += 1
        if self._path is not None:
            try:
                self._current(self._path).write(f"{line}\n".encode())
            except OSError:
                self.lost += 1

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _current(self, path: Path) -> BinaryIO:
        try:
            found = path.stat()
            is_same = (found.st_dev, found.st_ino) == self._inode
        except FileNotFoundError:
            is_same = False
        if self._file is None or not is_same:
            self.close()
            return self._open(path)
        return self._file

    def _open(self, path: Path) -> BinaryIO:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered and appending: each line is one write, whole also beside those of other processes.
        opened = cast(BinaryIO, open(path, "ab", buffering=0))  # noqa: SIM115 - kept open
        found = os.fstat(opened.fileno())
        self._file, self._inode = opened, (found.st_dev, found.st_ino)
        return opened

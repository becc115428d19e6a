"""A server's log: appended to by the server, kept within bounds by us."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["LARGEST", "part_after", "shorten", "tail"]

LARGEST = 16 * 1024 * 1024
"""Bytes after which the log moves to ``log.1``, whose content goes."""

_LONGEST_PART = 64 * 1024


def tail(path: Path, count: int) -> list[str]:
    """The last ``count`` lines, which may reach into the log before this one. No file, no lines."""
    if count <= 0:
        return []
    lines = _last_lines(path, count)
    if len(lines) < count:
        lines = _last_lines(_older(path), count - len(lines)) + lines
    return lines


def part_after(path: Path, offset: int) -> str:
    """What was written after ``offset``, at most the last 64 KiB of it."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(offset, end - _LONGEST_PART))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def shorten(path: Path, largest: int = LARGEST) -> None:
    """Copy a log that has grown large to ``log.1`` and begin again. The writer appends, so it need not know."""
    try:
        if path.stat().st_size > largest:
            shutil.copyfile(path, _older(path))
            os.truncate(path, 0)
    except OSError:  # a log is not worth a server
        pass


def _older(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")


def _last_lines(path: Path, count: int) -> list[str]:
    """Read from the end, in parts, until there are enough lines."""
    try:
        with open(path, "rb") as file:
            begin = file.seek(0, os.SEEK_END)
            data = b""
            while begin > 0 and data.count(b"\n") <= count:
                size = min(_LONGEST_PART, begin)
                begin = file.seek(begin - size)
                data = file.read(size) + data
    except FileNotFoundError:
        return []
    return data.decode(errors="replace").splitlines()[-count:]

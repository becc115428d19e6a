"""Directory contents in an order that no file system decides."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["sorted_files", "sorted_names"]


def sorted_files(root: Path, *suffixes: str) -> Iterator[Path]:
    """Every file below ``root`` whose name ends with one of ``suffixes`` (all, if none), by path.

    Hidden folders and files are left out, and symbolic links to folders are not followed. A missing root has no files.

    Raises:
        OSError: a folder cannot be listed; silence would look like an empty one.
    """
    return (Path(root, name) for name in sorted_names(root, *suffixes))


def sorted_names(root: Path, *suffixes: str) -> Iterator[str]:
    """As :func:`sorted_files`, as texts relative to ``root``, with forward slashes.

    Before Python 3.12 a path keeps its parts for as long as the process lives; with many files that counts.
    """
    top = len(os.fspath(root)) + 1
    for folder, folders, files in os.walk(root, onerror=_raise_unless_missing):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and name.endswith(suffixes or ""):
                yield f"{folder}{os.sep}{name}"[top:].replace(os.sep, "/")


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error

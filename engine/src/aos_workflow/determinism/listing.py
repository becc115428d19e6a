"""Directory contents in an order that no file system decides."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["sorted_files"]


def sorted_files(root: Path, *suffixes: str) -> Iterator[Path]:
    """Every file below ``root`` whose name ends with one of ``suffixes`` (all, if none), by path.

    Hidden folders and files are left out, and symbolic links to folders are not followed. A missing root has no files.

    Raises:
        OSError: a folder cannot be listed; silence would look like an empty one.
    """
    for folder, folders, files in os.walk(root, onerror=_raise_unless_missing):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and name.endswith(suffixes or ""):
                yield Path(folder, name)


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error

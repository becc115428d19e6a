"""Files that wait: what a test recorded, until it is known whether the test passed and the repeats agree.

Every process of a run writes into one temporary folder under names of its own; only the controller moves files from
there into the golden folder, each atomically.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from aos_workflow.golden.atomic import write_atomic

__all__ = ["Staging"]


class Staging:
    """A temporary folder of staged files."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="golden-staging-"))
        self._count = 0

    def put(self, content: bytes, text: bytes | None) -> str:
        """Stage the file of a golden, with the canonical text by which repeats can be compared; return its name."""
        self._count += 1
        name = f"{os.getpid()}-{self._count}"
        (self.folder / name).write_bytes(content)
        if text is not None:
            (self.folder / f"{name}.text").write_bytes(text)
        return name

    def content(self, name: str) -> bytes:
        """The staged file."""
        return (self.folder / name).read_bytes()

    def text(self, name: str) -> bytes | None:
        """The canonical text of a staged value, if it was kept."""
        path = self.folder / f"{name}.text"
        return path.read_bytes() if path.exists() else None

    def commit(self, name: str, target: Path) -> None:
        """Move a staged file to its place.

        Raises:
            OSError: the place cannot be written; what was there is untouched.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target, self.content(name))

    def remove(self) -> None:
        """Remove the folder and everything that was not committed."""
        shutil.rmtree(self.folder, ignore_errors=True)

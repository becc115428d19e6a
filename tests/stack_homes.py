"""Homes for embedded servers, made and removed quickly."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["open_folder"]

_MEMORY = Path("/dev/shm")
_ENOUGH = 1 << 30


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user can pass through, unlike pytest's: under root the servers are somebody else's.

    In memory where there is room, since some disks take seconds to remove a cluster.
    """
    roomy = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH
    with tempfile.TemporaryDirectory(prefix="aos-test-", dir=_MEMORY if roomy else None) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)

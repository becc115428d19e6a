"""What a simulation takes of its machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from aos_workflow.determinism import sorted_files

__all__ = ["disk_free_bytes", "folder_bytes", "memory_bytes"]


def disk_free_bytes(folder: Path) -> int:
    """What is left on the folder's file system; 0 if it cannot be asked."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def folder_bytes(folder: Path) -> int:
    """The size of everything in a folder. What goes away meanwhile is not counted."""
    total = 0
    for path in sorted_files(folder):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total


def memory_bytes(processes: Iterable[int]) -> int:
    """What these processes and their children hold, shared pages counted once; 0 where it cannot be seen."""
    waiting, seen, total = list(processes), set[int](), 0
    while waiting:
        pid = waiting.pop()
        if pid not in seen:
            seen.add(pid)
            total += _proportional(pid)
            waiting += _children(pid)
    return total


def _proportional(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))


def _children(pid: int) -> list[int]:
    if pid == os.getpid():
        return []  # ours are named by who started them
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (OSError, ValueError):
        return []

"""Locks on files (``flock``). The kernel drops them when the last process that holds one ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aos_workflow.errors import StackTimeoutError
from aos_workflow.stack.waiting import Deadline, wait_until

__all__ = ["exclusive", "is_locked", "open_lock", "readers", "try_lock"]


def open_lock(path: Path) -> int:
    """A handle of a lock file, which is made if it is missing. It does not pass to programs that we start."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(handle: int, *, shared: bool = False) -> bool:
    """Take the lock if it is free."""
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


@contextmanager
def exclusive(path: Path, deadline: Deadline) -> Iterator[None]:
    """Hold the lock for the body.

    Raises:
        StackTimeoutError: somebody else held it up to the deadline.
    """
    handle = open_lock(path)
    try:
        if not wait_until(lambda: try_lock(handle), deadline):
            raise StackTimeoutError(
                f"another process has held {path} for {deadline.limit_s:.0f} s",
                hint="aos-workflow stack status",
            )
        yield
    finally:
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock exclusively. Several may ask at once."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(handle, shared=True)
    finally:
        os.close(handle)


def readers(path: Path) -> tuple[int, ...]:
    """The processes that took the lock as shared, where ``/proc/locks`` tells."""
    try:
        status = path.stat()
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return ()
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    found = set()
    for line in lines:
        fields = line.split()[1:]
        if fields[0] == "FLOCK" and fields[2] == "READ" and fields[4] == place:
            found.add(int(fields[3]))
    return tuple(sorted(found))

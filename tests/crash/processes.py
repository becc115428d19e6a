"""Processes that may be killed at any moment."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Child", "fork"]


@dataclass
class Child:
    """A forked process."""

    pid: int
    code: int | None = None

    def kill(self) -> None:
        """With -9, and wait for its end."""
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()

    def wait(self) -> int:
        """Its exit code; the negative signal if it was killed."""
        if self.code is None:
            _, status = os.waitpid(self.pid, 0)
            self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def is_running(self) -> bool:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is None


def fork(work: Callable[[], None]) -> Child:
    """Do the work in a new process that has loaded what this one has. It must have no threads."""
    pid = os.fork()
    if pid:
        return Child(pid)
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - a child never returns into its parent's code
        traceback.print_exc()
        os._exit(1)

"""Processes by id and start time, so that a number that was given to somebody else is never taken for ours."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aos_workflow.stack.waiting import wait_until

__all__ = ["ProcessId", "StopStep", "command_line", "program", "stop"]

_LONGEST = 200

StopStep = tuple[str, float]
"""A signal by name, and for how many seconds to wait for its effect."""


@dataclass(frozen=True)
class ProcessId:
    """One process. ``started`` is only good for comparing: it differs for every process with the same number."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The process that has this number now; ``None`` if there is none, or only a dead one nobody waited for."""
        started = _started(pid)
        return cls(pid, started) if started else None

    @property
    def alive(self) -> bool:
        return _started(self.pid) == self.started

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to this process and to no other; ``False`` if it is gone."""
        handle = _handle(self.pid)
        try:
            if not self.alive:
                return False
            if handle is not None and sys.platform == "linux":
                signal.pidfd_send_signal(handle, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        finally:
            if handle is not None:
                os.close(handle)
        return True


def stop(process: ProcessId, steps: Sequence[StopStep], gone: Callable[[], bool]) -> bool:
    """Send one signal after the other until the process is gone; whether it is."""
    for name, limit_s in steps:
        process.send(signal.Signals[name])
        if wait_until(gone, limit_s):
            return True
    return gone()


def command_line(pid: int) -> str:
    """What a process was called with, at most 200 characters; empty if that cannot be seen."""
    return " ".join(_words(pid)).strip()[:_LONGEST]


def program(pid: int) -> str:
    """The name of the program that a process was called as; empty if that cannot be seen."""
    return _words(pid)[0].rpartition("/")[2]


def _words(pid: int) -> list[str]:
    try:
        data = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        data = b""
    return data.decode(errors="replace").split("\0")


def _started(pid: int) -> str:
    """Boot and start time; empty if there is no such process."""
    if sys.platform != "linux":
        return _started_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
    return "" if fields[0] in "ZX" else f"{boot}/{fields[19]}"


def _started_by_ps(pid: int) -> str:
    command = ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)]
    found = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    )
    state, _, started = found.stdout.strip().partition(" ")
    return "" if not state or state.startswith("Z") else started.strip()


def _handle(pid: int) -> int | None:
    """A handle that keeps the number from being given to another process, where the kernel has such a thing."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # gone, or a kernel without it
            return os.pidfd_open(pid)
    return None

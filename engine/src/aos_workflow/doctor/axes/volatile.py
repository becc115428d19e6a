"""Metadata of the run: process and thread numbers, names of temporary files, ports, use of resources."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from typing import Any

from aos_workflow.doctor.axes.environment import replace
from aos_workflow.doctor.child.run import Run

NAME = "volatile"
LABEL = "volatile-field"
MAX_BINDS = 200
FROZEN_PID, OTHER_PID, PIDS = 4_194_100, 4_193_000, 1000
"""Numbers that no Linux system gives to processes unless it has millions of them."""
READ = "port"
"""Where ports that the system chose are read; they are changed where they are bound."""


def provoke(budget: str) -> list[Any]:
    """Other numbers."""
    return ["a"] if budget == "quick" else ["a", "b", "c"]


def drives(budget: str) -> list[Any]:
    """More of them, for what depends on a remainder."""
    return [f"{i}" for i in range(8 if budget == "quick" else 30)]


def control(run: Run) -> dict[str, Any]:
    """Fixed numbers."""

    def number(base: int) -> Any:
        return lambda reading, *_: base + _step(reading.variant)

    real = os.getpid
    replace(run, NAME, os, "getpid", FROZEN_PID, number(OTHER_PID))
    replace(run, NAME, os, "getppid", FROZEN_PID, number(OTHER_PID))
    for name in ("kill", "killpg"):
        setattr(os, name, _signalling(getattr(os, name), real))
    _thread_numbers(run)
    _temporary_names(run)
    _resources(run)
    _ports(run)
    return {}


def _signalling(original: Any, real: Any) -> Any:
    """A number that we made up must never reach a process that really has it."""

    def signal(pid: int, number: int) -> None:
        ours = pid == FROZEN_PID or OTHER_PID <= pid < OTHER_PID + PIDS
        original(real() if ours else pid, number)

    return signal


def _step(variant: Any) -> int:
    text = str(variant)
    return int(text) if text.isdigit() else 7 * ord(text[0])


def _thread_numbers(run: Run) -> None:
    real = threading.get_native_id

    def get_native_id() -> int:
        if sys._getframe(1).f_code.co_filename not in run.files:
            return real()
        reading = run.visit(NAME, "threading.get_native_id")
        if reading is None:
            return real()
        return 4242 if reading.variant is None else 5150 + _step(reading.variant)

    threading.get_native_id = get_native_id
    ident = threading.get_ident

    def get_ident() -> int:
        caller = sys._getframe(1).f_code.co_filename
        if caller not in run.files:
            return ident()
        reading = run.visit(NAME, "threading.get_ident")
        if reading is None:
            return ident()
        base = 140_000_000_000_000 + 4096 * len(reading.lane)
        return base if reading.variant is None else base + 8192 * _step(reading.variant)

    threading.get_ident = get_ident


def _temporary_names(run: Run) -> None:
    kind = tempfile._RandomNameSequence  # type: ignore[attr-defined]
    original = kind.__next__

    def name(self: Any) -> str:
        reading = run.visit(NAME, "name of a temporary file")
        if reading is None:
            return original(self)  # type: ignore[no-any-return]
        found = f"{reading.stream().getrandbits(40):08x}"[:8]
        reading.note(found)
        return found

    kind.__next__ = name


def _resources(run: Run) -> None:
    try:
        import resource
    except ImportError:
        return
    real = resource.getrusage

    def getrusage(who: int) -> Any:
        reading = run.visit(NAME, "resource.getrusage")
        if reading is None:
            return real(who)
        step = 0 if reading.variant is None else _step(reading.variant)
        values = [0.125 + step / 64, 0.0625 + step / 64, 20480 + 64 * step]
        return resource.struct_rusage([*values, *([step + reading.index] * 13)])

    resource.getrusage = getrusage


def _ports(run: Run) -> None:
    """Ports that the system would choose: the same in every run, so that others can still connect to them."""
    import errno
    import socket
    import time

    original = socket.socket.bind
    sleep = time.sleep

    def bind(self: Any, address: Any, /) -> None:
        if not (isinstance(address, tuple) and len(address) > 1 and address[1] == 0):
            return original(self, address)
        reading = run.visit(NAME, "port")
        if reading is None:
            return original(self, address)
        port = (
            42000 + reading.index
            if reading.variant is None
            else 43000 + 8 * _step(reading.variant) + reading.index
        )
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for _ in range(MAX_BINDS):
            try:
                return original(self, (address[0], port, *address[2:]))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                sleep(0.005)
        return original(self, address)

    socket.socket.bind = bind  # type: ignore[method-assign]
    name = socket.socket.getsockname

    def getsockname(self: Any) -> Any:
        run.visit(READ, "getsockname", count=False)
        return name(self)

    socket.socket.getsockname = getsockname  # type: ignore[method-assign]

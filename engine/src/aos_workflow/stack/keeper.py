"""The parent of one server: starts it, starts it again after a crash, stops it after its last user.

Runs in a process of its own (:mod:`aos_workflow.stack.keep`) and imports nothing but the standard library and this
project.

========  =====================================================================================
SIGTERM   stop the server and end
SIGUSR1   restart the server
SIGHUP    the pin has gone: stop when nobody uses the server
========  =====================================================================================
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

from aos_workflow.stack.launch import ENVIRONMENT, Launch
from aos_workflow.stack.locks import open_lock, try_lock
from aos_workflow.stack.log_file import part_after, shorten
from aos_workflow.stack.processes import ProcessId, stop
from aos_workflow.stack.state import State
from aos_workflow.stack.waiting import Deadline, wait_until

__all__ = ["Keeper", "main"]

START_LIMIT_S = 30.0
"""For one start, recovery from a crash included."""
CRASHES = 30
CRASH_WINDOW_S = 60.0
"""More crashes than this within so many seconds, and the keeper gives up."""

_LOCK_LIMIT_S = 5.0
_LOG_INTERVAL_S = 60.0
_RETRY_INTERVAL_S = 0.1
_READY_INTERVAL_S = 0.005
_UNUSED = b"\0"
"""In the wake-up pipe: the lock of the leases is ours. No signal has this number."""


class ServerFailedError(Exception):
    """The server ended before it was ready; holds what it logged."""


def main() -> None:
    """Read the launch, leave the caller's process behind, keep the server, and report the first start on stdout."""
    launch = Launch.from_json(sys.stdin.read())
    os.umask(0o077)  # a log may quote what is in the database
    if os.fork():  # the caller waits for this process only, so it never has to wait for the keeper
        os._exit(0)
    me = ProcessId.of(os.getpid())
    if me is None:
        _report(ok=False, reason="processes cannot be seen: is /proc mounted?")
    else:
        Keeper(launch, me).run()
    os._exit(0)  # nothing is left to do, and a thread may still wait for a lock


class Keeper:
    """Keeps one server."""

    def __init__(self, launch: Launch, me: ProcessId) -> None:
        self._launch = launch
        self._me = me
        self._folder = Path(launch.folder)
        self._log = self._folder / "log"
        self._server: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._crashes: deque[Deadline] = deque()
        self._wake_read, self._wake_write = os.pipe()
        self._leases = open_lock(self._folder / "leases")
        self._watching = False
        # The kernel sends the death signal when the *thread* ends that asked for it: all starts happen in this one.
        self._libc = _libc()

    def run(self) -> None:
        """Keep the server until it is to end, then clean up."""
        lock = open_lock(self._folder / "keeper")
        if not wait_until(
            lambda: try_lock(lock), _LOCK_LIMIT_S
        ):  # who asks for it has it for a moment
            _report(ok=False, reason="another keeper is at work")
            return
        self._listen()
        try:
            self._start(again=False)
        except ServerFailedError as failure:
            self._end()
            _report(ok=False, reason=str(failure))
        else:
            _report(ok=True)
            try:
                self._keep()
            finally:
                self._end()
                self._remove()
        finally:
            os.close(lock)  # before the leases': who waits for those finds that there is no keeper

    def _keep(self) -> None:
        if not self._pinned:
            self._watch()
        while True:
            for event in self._events():
                if event == signal.SIGTERM:
                    return
                if event == _UNUSED[0]:
                    if not self._pinned:
                        return
                    self._watching = False
                    fcntl.flock(self._leases, fcntl.LOCK_UN)
                if event == signal.SIGHUP and not self._pinned:
                    self._watch()
                if event == signal.SIGUSR1:
                    self._stop()
                    self._crashes.clear()
                    self._start(again=True)
            if self._server is not None and self._server.poll() is not None:
                self._count_crash()
                self._start(again=True)
            shorten(self._log)

    # What wakes us up.

    def _listen(self) -> None:
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _events(self) -> bytes:
        select.select([self._wake_read], [], [], _LOG_INTERVAL_S)
        try:
            return os.read(self._wake_read, 4096)
        except BlockingIOError:
            return b""

    def _watch(self) -> None:
        """Have ourselves woken up when nobody holds a lease any more. From then on nobody can get one."""
        if not self._watching:
            self._watching = True
            threading.Thread(target=self._wait_for_leases, daemon=True).start()

    def _wait_for_leases(self) -> None:
        fcntl.flock(self._leases, fcntl.LOCK_EX)
        os.write(self._wake_write, _UNUSED)

    @property
    def _pinned(self) -> bool:
        return (self._folder / "pinned").exists()

    # The server.

    def _start(self, *, again: bool) -> None:
        """Start the server and wait until it is ready.

        ``again``: it has run before, so that whatever keeps it from starting now may pass, such as processes of the
        crashed server that have not noticed yet.

        Raises:
            ServerFailedError: it does not come up.
        """
        deadline = Deadline(START_LIMIT_S)
        self._starts += 1
        while True:
            offset = self._log.stat().st_size if self._log.exists() else 0
            self._spawn()
            if self._wait_until_ready(deadline):
                self._save("running")
                return
            killed = self._server is not None and self._server.poll() == -signal.SIGKILL
            self._stop()
            said = part_after(self._log, offset)
            may_pass = again or killed or any(text in said for text in self._launch.retry_on)
            if not may_pass:
                raise ServerFailedError(said or "it ended without a word")
            if deadline.over:
                raise ServerFailedError(said or f"not ready within {START_LIMIT_S:.0f} s")
            wait_until(lambda: False, _RETRY_INTERVAL_S)

    def _spawn(self) -> None:
        launch = self._launch
        with open(self._log, "ab") as log:
            self._server = subprocess.Popen(
                launch.command,
                stdin=subprocess.PIPE if launch.input else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=launch.working_folder,
                env=ENVIRONMENT,
                preexec_fn=self._die_with_us,
                **launch.run_as,
            )
        self._save("starting")
        if self._server.stdin is not None:
            try:
                with self._server.stdin as pipe:
                    pipe.write(launch.input.encode())
            except BrokenPipeError:
                pass  # it has ended; its log says why

    def _die_with_us(self) -> None:
        """In the child: have the kernel end it when we die."""
        if self._libc is not None:
            self._libc.prctl(_PR_SET_PDEATHSIG, signal.Signals[self._launch.death_signal])
            if os.getppid() != self._me.pid:
                os._exit(1)

    def _wait_until_ready(self, deadline: Deadline) -> bool:
        server = self._server
        assert server is not None
        ready = self._launch.readiness.holds

        def decided() -> bool:
            return server.poll() is not None or ready(server.pid)

        wait_until(decided, deadline, interval_s=_READY_INTERVAL_S)
        return server.poll() is None and ready(server.pid)

    def _stop(self) -> None:
        server, self._server = self._server, None
        if server is None or server.poll() is not None:
            return
        self._save("stopping", server)
        process = ProcessId.of(server.pid)
        if process is not None:
            stop(process, self._launch.stop, lambda: server.poll() is not None)

    def _count_crash(self) -> None:
        """Give up if it happens too often.

        Raises:
            ServerFailedError: it does.
        """
        self._crashes.append(Deadline(CRASH_WINDOW_S))
        while self._crashes[0].over:
            self._crashes.popleft()
        if len(self._crashes) > CRASHES:
            raise ServerFailedError(f"crashed {len(self._crashes)} times in {CRASH_WINDOW_S:.0f} s")

    # What others see.

    def _save(self, status: str, server: subprocess.Popen[bytes] | None = None) -> None:
        server = server or self._server
        process = ProcessId.of(server.pid) if server is not None else None
        state = State(status, self._me, process, self._launch.port, self._starts)
        state.save(self._folder / "state.json")

    def _end(self) -> None:
        self._stop()
        (self._folder / "state.json").unlink(missing_ok=True)

    def _remove(self) -> None:
        for folder in self._launch.remove:
            shutil.rmtree(folder, ignore_errors=True)


_PR_SET_PDEATHSIG = 1


def _libc() -> Any:
    """The C library, where it has a way to be told of a parent's death."""
    if sys.platform != "linux":
        return None
    import ctypes

    return ctypes.CDLL(None)


def _report(*, ok: bool, reason: str = "") -> None:
    """Tell whoever started us, and let go of them."""
    try:
        sys.stdout.write(json.dumps({"ok": ok, "reason": reason}))
        sys.stdout.flush()
    except OSError:
        pass  # they have gone; without a lease of theirs we will end
    nowhere = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1):
        os.dup2(nowhere, handle)
    os.close(nowhere)

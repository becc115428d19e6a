"""One service of a home: joined, left, pinned, stopped and restarted by any number of processes at once.

Who does any of this holds ``lock``; who uses the server holds ``leases`` as shared, and only the keeper takes it
exclusively, to stop. So under ``lock`` the answer to *is it used?* does not change but by processes that die.
"""

from __future__ import annotations

import os
import signal
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Generic, TypeVar

from aos_workflow.errors import (
    ServerInUseError,
    ServerStartError,
    ServerStoppedError,
    StackTimeoutError,
)
from aos_workflow.stack import log_file
from aos_workflow.stack.accounts import Account
from aos_workflow.stack.kinds import Kind
from aos_workflow.stack.lease import Lease
from aos_workflow.stack.locks import exclusive, is_locked, open_lock, readers, try_lock
from aos_workflow.stack.ports import check_free, free_port, is_free
from aos_workflow.stack.processes import ProcessId, stop
from aos_workflow.stack.starting import start_keeper
from aos_workflow.stack.state import State
from aos_workflow.stack.values import ServiceStatus, Stopped
from aos_workflow.stack.waiting import Deadline, wait_until

__all__ = ["Service"]

LIMIT_S = 90.0
"""For everything that one call does: making a cluster, waiting for another process that does, starting, stopping."""
_TRIES = 5

ServerT = TypeVar("ServerT")


class Service(Generic[ServerT]):
    """A service in its folder."""

    def __init__(
        self,
        folder: Path,
        kind: Kind[ServerT],
        account: Account | None,
        *,
        remove: tuple[Path, ...] = (),
    ) -> None:
        self._folder = folder
        self._kind = kind
        self._account = account
        self._remove = remove

    # Using it.

    def lease(self) -> Lease[ServerT]:
        """Share the server, which is started if it does not run.

        Raises:
            EmbeddedMissingError, PortInUseError, ServerStartError: it cannot be started.
            ServerInUseError: it runs with other settings than are asked for.
            StackTimeoutError: it took too long.
        """
        deadline = Deadline(LIMIT_S)
        with self._alone(deadline):
            handle = self._join(deadline)
            try:
                state = self._running(deadline)
                if state is None:
                    state = self._start(self._kind.wanted_port, deadline)
                else:
                    self._check_settings(state, self._kind.wanted_port)
                return Lease(self._server(state), lambda: self._leave(handle))
            except BaseException:
                os.close(handle)
                raise

    def up(self) -> ServerT:
        """Have the server run until :meth:`down`, on the usual port unless another one is asked for.

        Raises:
            As :meth:`lease`.
        """
        deadline = Deadline(LIMIT_S)
        with self._alone(deadline):
            if not self._pinned.exists():
                self._make_way(deadline)
            handle = self._join(deadline)
            try:
                state = self._running(deadline)
                if state is None:
                    state = self._start(self._kind.wanted_port or self._kind.usual_port, deadline)
                self._check_settings(state, self._kind.wanted_port)
                self._pinned.touch(mode=0o600)
                return self._server(state)
            finally:
                os.close(handle)

    def down(self, *, force: bool = False) -> Stopped:
        """Stop the server, unless others use it and it is not ``force``; it then stops when they leave.

        Raises:
            StackTimeoutError: it took too long.
        """
        if not self._folder.is_dir():
            return Stopped(self._kind.service, stopped=True)
        deadline = Deadline(LIMIT_S)
        with self._alone(deadline):
            self._pinned.unlink(missing_ok=True)
            return self._stop(deadline, force=force)

    def restart(self) -> ServerT:
        """Stop the server and start it again on the same port. Its users' connections break, their leases do not.

        Raises:
            ServerStoppedError: it does not run.
            StackTimeoutError: it took too long.
        """
        deadline = Deadline(LIMIT_S)
        if self._folder.is_dir():
            with self._alone(deadline):
                before = self._running(deadline)
                if before is not None:
                    before.keeper.send(signal.SIGUSR1)
                    return self._server(self._wait_for_restart(before, deadline))
        raise ServerStoppedError(
            f"{self._kind.service} does not run",
            service=self._kind.service,
            hint=f"aos-workflow stack up {self._kind.service}",
        )

    # Looking at it.

    def status(self) -> ServiceStatus:
        """How it is at this moment, without waiting for anybody."""
        state = State.load(self._folder / "state.json") if self._kept() else None
        if state is None or not state.keeper.alive:
            return ServiceStatus(
                self._kind.service, "stopped", self._folder, pinned=self._pinned.exists()
            )
        return ServiceStatus(
            service=self._kind.service,
            state=state.status if _up(state) else "starting",
            folder=self._folder,
            port=state.port,
            pid=state.server.pid if state.server else None,
            keeper_pid=state.keeper.pid,
            pinned=self._pinned.exists(),
            users=readers(self._folder / "leases"),
            restarts=max(0, state.starts - 1),
        )

    def server(self) -> ServerT | None:
        """The server, if it runs."""
        state = State.load(self._folder / "state.json") if self._kept() else None
        return self._server(state) if state is not None and _up(state) else None

    def logs(self, tail: int) -> list[str]:
        """The last lines of the server's log."""
        return log_file.tail(self._folder / "log", tail)

    # Leases.

    def _alone(self, deadline: Deadline) -> AbstractContextManager[None]:
        self._folder.mkdir(mode=0o711 if self._account else 0o700, exist_ok=True)
        return exclusive(self._folder / "lock", deadline)

    def _join(self, deadline: Deadline) -> int:
        """A lease. While the keeper stops the server there is none to be had."""
        handle = open_lock(self._folder / "leases")
        if wait_until(lambda: try_lock(handle, shared=True), deadline):
            return handle
        os.close(handle)
        raise self._timeout("stopping", deadline)

    def _leave(self, handle: int) -> None:
        deadline = Deadline(LIMIT_S)
        with ExitStack() as alone:
            try:
                # Before we leave: afterwards the folder may go.
                alone.enter_context(exclusive(self._folder / "lock", deadline))
            except (StackTimeoutError, FileNotFoundError):  # a crowd, or the home was taken away
                os.close(handle)
                return
            keeper = self._keeper()
            os.close(handle)
            if not self._pinned.exists():
                wait_until(lambda: self._ended(keeper) or self._used(), deadline)

    def _used(self) -> bool:
        """Whether somebody has a lease. Only asked by who holds ``lock``."""
        try:
            handle = os.open(self._folder / "leases", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:  # removed with the server
            return False
        try:
            if try_lock(handle):
                return False
            return try_lock(handle, shared=True)  # not to be had either: the keeper has it
        finally:
            os.close(handle)

    # Starting and stopping.

    @property
    def _pinned(self) -> Path:
        return self._folder / "pinned"

    def _kept(self) -> bool:
        return is_locked(self._folder / "keeper")

    def _keeper(self) -> ProcessId | None:
        """The keeper's process, if there is one."""
        state = State.load(self._folder / "state.json")
        return state.keeper if state is not None and state.keeper.alive else None

    def _ended(self, keeper: ProcessId | None) -> bool:
        """Whether a keeper has ended, and with it its server."""
        return not self._kept() and (keeper is None or not keeper.alive)

    def _running(self, deadline: Deadline) -> State | None:
        """The running server; ``None`` if there is no keeper. Waits while a keeper starts, restarts or stops it."""
        found: State | None = None

        def decided() -> bool:
            nonlocal found
            found = State.load(self._folder / "state.json")
            return (found is not None and _up(found)) or not self._kept()

        if not wait_until(decided, deadline):
            raise self._timeout("starting", deadline)
        return found if found is not None and _up(found) else None

    def _start(self, port: int | None, deadline: Deadline) -> State:
        """Start a keeper and with it the server, on the port that it had last if none is asked for.

        Again if the keeper is killed meanwhile, or if somebody else was faster to take the port.
        """
        service = self._kind.service
        for _ in range(_TRIES):
            self._end_forsaken()
            if port is not None:
                check_free(service, port)
            launch = self._kind.prepare(
                self._folder,
                self._account,
                port or self._usable_port(),
                temporary=bool(self._remove),
            )
            launch.remove.extend(str(folder) for folder in self._remove)
            try:
                start_keeper(launch)
            except ServerStartError as error:
                if "ddress already in use" not in error.message:
                    raise
            state = self._running(deadline)
            if state is not None:
                return state
        raise ServerStartError(
            f"{service} did not start {_TRIES} times",
            service=service,
            hint=f"see {self._folder}/log and {self._folder}/keeper.log",
        )

    def _usable_port(self) -> int:
        """The port of last time, on which clients that outlived the server still look for it, or a free one."""
        last = self._kind.last_port(self._folder)
        return last if last is not None and is_free(last) else free_port()

    def _end_forsaken(self) -> None:
        """Stop a server of ours whose keeper was killed. The kernel has told it to end, where it can do that."""
        state = State.load(self._folder / "state.json")
        if state is not None and state.server is not None:
            server = state.server
            if server.alive:
                stop(server, self._kind.stop, lambda: not server.alive)

    def _stop(self, deadline: Deadline, *, force: bool) -> Stopped:
        service = self._kind.service
        keeper = self._keeper()
        if not self._kept():
            self._end_forsaken()
            return Stopped(service, stopped=True)
        if keeper is not None:
            keeper.send(signal.SIGTERM if force else signal.SIGHUP)
        if not wait_until(lambda: self._ended(keeper) or (not force and self._used()), deadline):
            raise self._timeout("stopping", deadline)
        if not self._ended(keeper):
            return Stopped(service, stopped=False, users=readers(self._folder / "leases"))
        return Stopped(service, stopped=True)

    def _make_way(self, deadline: Deadline) -> None:
        """Stop a server that was started on another port or otherwise than ``up`` is to have it, if nobody uses it."""
        state = self._running(deadline)
        port = self._kind.wanted_port or self._kind.usual_port
        if state is None or self._misfit(state, port) is None:
            return
        if not self._stop(deadline, force=False).stopped:
            self._check_settings(state, port)

    def _misfit(self, state: State, port: int | None) -> str | None:
        """What is asked for that the running server does not have."""
        if port is not None and port != state.port:
            return f"port {port}"
        return self._kind.differs(self._folder)

    def _check_settings(self, state: State, port: int | None) -> None:
        misfit = self._misfit(state, port)
        if misfit is None:
            return
        service, users = self._kind.service, readers(self._folder / "leases")
        used_by = f", used by {_processes(users)}" if users else ""
        raise ServerInUseError(
            f"{service} runs on port {state.port}{used_by}; {misfit} needs a new start",
            service=service,
            users=users,
            hint=f"aos-workflow stack down {service} --force, then again",
        )

    def _wait_for_restart(self, before: State, deadline: Deadline) -> State:
        after: State | None = None

        def restarted() -> bool:
            nonlocal after
            after = State.load(self._folder / "state.json")
            return not self._kept() or (
                after is not None and _up(after) and after.starts > before.starts
            )

        if not wait_until(restarted, deadline):
            raise self._timeout("restarting", deadline)
        if after is None or not _up(after):
            raise ServerStartError(
                f"{self._kind.service} did not come back",
                service=self._kind.service,
                hint=f"see {self._folder}/log",
            )
        return after

    def _server(self, state: State) -> ServerT:
        assert state.server is not None, "a running server has a process"
        return self._kind.server(self._folder, state.port, state.server.pid)

    def _timeout(self, doing: str, deadline: Deadline) -> StackTimeoutError:
        service = self._kind.service
        return StackTimeoutError(
            f"{service} is still {doing} after {deadline.limit_s:.0f} s",
            service=service,
            hint=f"see {self._folder}/log and {self._folder}/keeper.log",
        )


def _up(state: State) -> bool:
    """Whether what was written is still so."""
    return (
        state.status == "running"
        and state.server is not None
        and state.server.alive
        and state.keeper.alive
    )


def _processes(pids: tuple[int, ...]) -> str:
    return ("process " if len(pids) == 1 else "processes ") + ", ".join(map(str, pids))

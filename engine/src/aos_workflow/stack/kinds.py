"""The two kinds of server: how each is prepared, started, reached and remembered."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from aos_workflow.errors import UsageError
from aos_workflow.stack import settings as remembered
from aos_workflow.stack.accounts import Account, private_folder
from aos_workflow.stack.binaries import postgres_folder, valkey_server
from aos_workflow.stack.cluster import SYNC_METHOD, Cluster
from aos_workflow.stack.launch import Launch, Readiness
from aos_workflow.stack.ports import HOST
from aos_workflow.stack.processes import ProcessId, StopStep, program
from aos_workflow.stack.settings import PostgresSettings, ValkeySettings, merged
from aos_workflow.stack.values import PostgresServer, ValkeyServer

__all__ = ["Kind", "Postgres", "Valkey"]

ServerT = TypeVar("ServerT", covariant=True)

_SETTINGS = "settings.json"
_USUAL_POSTGRES = PostgresSettings(
    user="nova", password="novapass", database="nova_aos", options={}
)
_USUAL_VALKEY = ValkeySettings(password="", appendfsync="always")


class Kind(Protocol[ServerT]):
    """What differs between servers. ``folder`` is the service's own, ``account`` whom the server runs as."""

    service: ClassVar[str]
    usual_port: ClassVar[int]
    stop: ClassVar[list[StopStep]]

    @property
    def wanted_port(self) -> int | None:
        """The port that the caller asked for."""
        ...

    def last_port(self, folder: Path) -> int | None:
        """The port that the server had when it was last started."""
        ...

    def prepare(
        self, folder: Path, account: Account | None, port: int, *, temporary: bool
    ) -> Launch:
        """Put everything in place for a start, and say how to start. What is temporary need not survive a power cut.

        Raises:
            EmbeddedMissingError, ServerStartError, UsageError: it cannot be started with these settings.
        """
        ...

    def differs(self, folder: Path) -> str | None:
        """A setting that the caller asked for and that the running server does not have."""
        ...

    def server(self, folder: Path, port: int, pid: int) -> ServerT:
        """The running server, as its users see it."""
        ...


class Postgres:
    """PostgreSQL."""

    service: ClassVar[str] = "db"
    usual_port: ClassVar[int] = 5433
    # fast, immediate, and for a postmaster that hangs: its children notice and end.
    stop: ClassVar[list[StopStep]] = [("SIGINT", 15.0), ("SIGQUIT", 5.0), ("SIGKILL", 5.0)]

    def __init__(self, settings: PostgresSettings | None) -> None:
        self._wanted = settings or PostgresSettings()

    @property
    def wanted_port(self) -> int | None:
        return self._wanted.port

    def last_port(self, folder: Path) -> int | None:
        return self._remembered(folder).port

    def prepare(
        self, folder: Path, account: Account | None, port: int, *, temporary: bool
    ) -> Launch:
        programs = postgres_folder(account, folder.parent / "programs")
        old = self._remembered(folder)
        _check_same_names(self._wanted, old)
        settings = merged(self._wanted, old, _USUAL_POSTGRES)
        values = asdict(replace(settings, port=port))
        cluster = Cluster(folder, programs, account)
        if not cluster.data.exists():
            remembered.save(folder / _SETTINGS, values)
        if not cluster.make(settings, sync=not temporary) and old.password != settings.password:
            cluster.set_password(str(settings.user), str(settings.password))
        remembered.save(folder / _SETTINGS, values)
        private_folder(folder / "socket", account)
        _forget_dead_postmaster(cluster.data / "postmaster.pid")
        options = {
            "recovery_init_sync_method": SYNC_METHOD,
            **(settings.options or {}),
            "listen_addresses": HOST,
            "port": str(port),
            # From the data folder: an absolute path could be longer than a socket's may be.
            "unix_socket_directories": "../socket",
            "unix_socket_permissions": "0700",
        }
        return Launch(
            service=self.service,
            folder=str(folder),
            command=[
                str(programs / "postgres"),
                *("-D", str(cluster.data)),
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
            ],
            working_folder=str(folder),
            port=port,
            readiness=Readiness(pid_file=str(cluster.data / "postmaster.pid")),
            stop=self.stop,
            death_signal="SIGINT",
            account=account,
            retry_on=['"postmaster.pid" already exists', "pre-existing shared memory block"],
        )

    def differs(self, folder: Path) -> str | None:
        old = self._remembered(folder)
        _check_same_names(self._wanted, old)
        if self._wanted.password not in (None, old.password):
            return "another password"
        return "other options" if self._wanted.options not in (None, old.options) else None

    def server(self, folder: Path, port: int, pid: int) -> PostgresServer:
        settings = merged(self._remembered(folder), _USUAL_POSTGRES)
        return PostgresServer(
            host=HOST,
            port=port,
            user=str(settings.user),
            password=str(settings.password),
            database=str(settings.database),
            pid=pid,
            socket_folder=folder / "socket",
            log=folder / "log",
        )

    def _remembered(self, folder: Path) -> PostgresSettings:
        # What a crash kept from coming true binds nobody.
        there = (folder / "data").exists()
        return PostgresSettings(**remembered.load(folder / _SETTINGS) if there else {})


class Valkey:
    """Valkey, with an append-only file."""

    service: ClassVar[str] = "redis"
    usual_port: ClassVar[int] = 6379
    stop: ClassVar[list[StopStep]] = [("SIGTERM", 10.0), ("SIGKILL", 5.0)]

    def __init__(self, settings: ValkeySettings | None) -> None:
        self._wanted = settings or ValkeySettings()

    @property
    def wanted_port(self) -> int | None:
        return self._wanted.port

    def last_port(self, folder: Path) -> int | None:
        return self._remembered(folder).port

    def prepare(
        self, folder: Path, account: Account | None, port: int, *, temporary: bool
    ) -> Launch:
        program = valkey_server(account, folder.parent / "programs")
        settings = merged(self._wanted, self._remembered(folder), _USUAL_VALKEY)
        data = folder / "data"
        private_folder(data, account)
        remembered.save(folder / _SETTINGS, asdict(replace(settings, port=port)))
        return Launch(
            service=self.service,
            folder=str(folder),
            command=[str(program), "-"],
            working_folder=str(data),
            port=port,
            readiness=Readiness(host=HOST, port=port, password=settings.password or None),
            stop=self.stop,
            death_signal="SIGTERM",
            account=account,
            input=_configuration(settings, port),
        )

    def differs(self, folder: Path) -> str | None:
        old = self._remembered(folder)
        if self._wanted.password not in (None, old.password):
            return "another password"
        changed = self._wanted.appendfsync not in (None, old.appendfsync)
        return "another appendfsync" if changed else None

    def server(self, folder: Path, port: int, pid: int) -> ValkeyServer:
        password = self._remembered(folder).password or None
        return ValkeyServer(HOST, port, password, pid, folder / "log")

    def _remembered(self, folder: Path) -> ValkeySettings:
        return ValkeySettings(**remembered.load(folder / _SETTINGS))


def _check_same_names(wanted: PostgresSettings, old: PostgresSettings) -> None:
    for what in ("user", "database"):
        now, then = getattr(wanted, what), getattr(old, what)
        if then is not None and now not in (None, then):
            raise UsageError(
                f"db: the {what} of this home is {then!r}, not {now!r}",
                hint="choose another home: AOS_HOME",
            )


def _forget_dead_postmaster(pid_file: Path) -> None:
    """Remove the pid file of a server that is gone and whose number now belongs to somebody else.

    PostgreSQL itself takes any living process with that number for the server, as happens after a container restarted.
    It still looks whether the shared memory is in use.
    """
    try:
        pid = int(pid_file.read_text().split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return
    name = program(pid)
    if ProcessId.of(pid) is not None and name and not name.startswith("postgres"):
        pid_file.unlink(missing_ok=True)


def _configuration(settings: ValkeySettings, port: int) -> str:
    """Valkey's configuration, which it reads from standard input: there is a password in it."""
    lines: dict[str, Any] = {
        "bind": HOST,
        "port": port,
        "dir": "./",
        "save": '""',
        "appendonly": "yes",
        "appendfsync": settings.appendfsync or "always",
        "maxmemory-policy": "noeviction",  # budgets are not a cache
        "daemonize": "no",
    }
    if settings.password:
        escaped = settings.password.replace("\\", "\\\\").replace('"', '\\"')
        lines["requirepass"] = f'"{escaped}"'
    return "".join(f"{name} {value}\n" for name, value in lines.items())

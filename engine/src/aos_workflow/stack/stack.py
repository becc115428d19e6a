"""The servers of a home."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aos_workflow.errors import ServerStoppedError, UsageError
from aos_workflow.stack.accounts import server_account
from aos_workflow.stack.kinds import Kind, Postgres, Valkey
from aos_workflow.stack.lease import Lease
from aos_workflow.stack.places import open_servers, servers_folder
from aos_workflow.stack.service import Service
from aos_workflow.stack.settings import PostgresSettings, ValkeySettings
from aos_workflow.stack.values import PostgresServer, ServiceStatus, Stopped, ValkeyServer

__all__ = ["SERVICES", "Stack"]

SERVICES = ("db", "redis")
"""PostgreSQL and Valkey, by the names that the compose file has for them too."""

_ALIASES = {"postgres": "db", "postgresql": "db", "valkey": "redis"}


class Stack:
    """The servers below ``home``, shared by every process that names the same folder.

    ``up`` has them run until ``down``. ``postgres`` and ``valkey`` share one for as long as they are used: the first
    user starts it, on the port that it had last or else a free one, and the last one's leaving stops it, however that
    process ends.

    Settings are for a server's start and remembered; ``None`` takes what was remembered. Under root the servers run as
    ``server_user``, an existing user without privileges.
    """

    def __init__(
        self,
        home: Path | str,
        *,
        postgres: PostgresSettings | None = None,
        valkey: ValkeySettings | None = None,
        server_user: str = "nobody",
    ) -> None:
        self.home = Path(home).expanduser().absolute()
        self._kinds: dict[str, Kind[Any]] = {"db": Postgres(postgres), "redis": Valkey(valkey)}
        self._server_user = server_user

    def postgres(self) -> Lease[PostgresServer]:
        """A share in PostgreSQL, which is started if it does not run.

        Raises:
            EmbeddedMissingError, PortInUseError, ServerStartError: it cannot be started.
            ServerInUseError: it runs with other settings than are asked for.
            StackTimeoutError: it took too long.
        """
        return self._prepared("db").lease()

    def valkey(self) -> Lease[ValkeyServer]:
        """A share in Valkey, likewise.

        Raises:
            As :meth:`postgres`.
        """
        return self._prepared("redis").lease()

    def up(self, services: Sequence[str] = SERVICES) -> list[ServiceStatus]:
        """Have services run until :meth:`down`, on ports 5433 and 6379 unless their settings say otherwise.

        Those that run already stay as they are.

        Raises:
            As :meth:`postgres`; the services before the one that failed stay up.
        """
        for name in services:
            self._prepared(name).up()
        return self.status(services)

    def down(self, services: Sequence[str] = SERVICES, *, force: bool = False) -> list[Stopped]:
        """Stop services. One that other processes use goes on until they leave, unless ``force``.

        Raises:
            StackTimeoutError: it took too long.
        """
        return [self._service(name).down(force=force) for name in services]

    def restart(self, service: str) -> PostgresServer | ValkeyServer:
        """Stop and start a running service, on the same port and with the same data.

        Raises:
            ServerStoppedError: it does not run.
            ServerStartError: it did not come back.
        """
        server: PostgresServer | ValkeyServer = self._service(service).restart()
        return server

    def status(self, services: Sequence[str] = SERVICES) -> list[ServiceStatus]:
        """How services are at this moment."""
        return [self._service(name).status() for name in services]

    def environment(self) -> dict[str, str]:
        """``PGHOST``, ``PGPORT``, ``PGUSER``, ``PGPASSWORD``, ``PGDATABASE``, ``DATABASE_URL`` and ``REDIS_URL``, of
        the services that run.

        Raises:
            ServerStoppedError: none does.
        """
        servers = [self._service(name).server() for name in SERVICES]
        found: dict[str, str] = {}
        for server in servers:
            found |= server.environment if server is not None else {}
        if not found:
            raise ServerStoppedError(
                f"no service of {self.home} runs", hint="aos-workflow stack up"
            )
        return found

    def server(self, service: str) -> PostgresServer | ValkeyServer:
        """A running service's server.

        Raises:
            ServerStoppedError: it does not run.
        """
        server: PostgresServer | ValkeyServer | None = self._service(service).server()
        if server is None:
            raise ServerStoppedError(
                f"{service} does not run",
                service=service,
                hint=f"aos-workflow stack up {service}",
            )
        return server

    def logs(self, service: str, tail: int = 100) -> list[str]:
        """The last ``tail`` lines of a service's log."""
        return self._service(service).logs(tail)

    def _prepared(self, name: str) -> Service[Any]:
        """A service whose folder's parent is there, and the servers' user can reach it."""
        name = canonical(name)
        account = server_account(self._server_user)
        return Service(open_servers(self.home, account) / name, self._kinds[name], account)

    def _service(self, name: str) -> Service[Any]:
        """A service as it is, perhaps without a folder."""
        name = canonical(name)
        account = server_account(self._server_user)
        return Service(servers_folder(self.home) / name, self._kinds[name], account)


def canonical(name: str) -> str:
    """A service's name, from it or another name for it.

    Raises:
        UsageError: there is no such service.
    """
    found = _ALIASES.get(name, name)
    if found not in SERVICES:
        raise UsageError(
            f"there is no service {name!r} here", hint=f"services: {', '.join(SERVICES)}"
        )
    return found

"""What the launcher tells its callers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

__all__ = ["PostgresServer", "ServiceStatus", "Stopped", "ValkeyServer"]


@dataclass(frozen=True)
class PostgresServer:
    """A running PostgreSQL."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    pid: int
    socket_folder: Path
    log: Path

    @property
    def url(self) -> str:
        """As ``DATABASE_URL`` has it. Holds the password."""
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{quote(self.database, safe='')}"

    @property
    def environment(self) -> dict[str, str]:
        """What libpq, its tools and we read."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.database,
            "DATABASE_URL": self.url,
        }


@dataclass(frozen=True)
class ValkeyServer:
    """A running Valkey, which speaks Redis' protocol."""

    host: str
    port: int
    password: str | None = field(repr=False)
    pid: int
    log: Path

    @property
    def url(self) -> str:
        """As ``REDIS_URL`` has it. Holds the password."""
        secret = f":{quote(self.password, safe='')}@" if self.password is not None else ""
        return f"redis://{secret}{self.host}:{self.port}/0"

    @property
    def environment(self) -> dict[str, str]:
        """What clients read."""
        return {"REDIS_URL": self.url}


@dataclass(frozen=True)
class ServiceStatus:
    """How a service is.

    ``state`` is ``running``, ``starting``, ``stopping`` or ``stopped``; ``users`` are the processes that share the
    server (empty where ``/proc/locks`` does not tell); ``pinned`` means that it stays when they leave; ``restarts``
    counts what the keeper did after crashes and on request.
    """

    service: str
    state: str
    folder: Path
    port: int | None = None
    pid: int | None = None
    keeper_pid: int | None = None
    pinned: bool = False
    users: tuple[int, ...] = ()
    restarts: int = 0

    @property
    def running(self) -> bool:
        return self.state == "running"


@dataclass(frozen=True)
class Stopped:
    """What ``down`` did. A service that others use goes on until they leave; ``users`` are those that can be seen."""

    service: str
    stopped: bool
    users: tuple[int, ...] = ()

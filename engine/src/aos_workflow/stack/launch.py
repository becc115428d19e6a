"""What a keeper has to know about its server. Passed on its standard input, since a password may be in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from aos_workflow.stack.accounts import Account, RunAs, run_as
from aos_workflow.stack.processes import StopStep
from aos_workflow.stack.resp import ping

__all__ = ["ENVIRONMENT", "Launch", "Readiness"]

ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"}
"""All that a server gets to see of ours."""

_POSTMASTER_STATUS = 7
"""Line of ``postmaster.pid``, from 0, that says how far the server is."""


@dataclass(frozen=True)
class Readiness:
    """How to find out that a server can be used: by PostgreSQL's ``postmaster.pid``, or by a ping."""

    pid_file: str | None = None
    host: str = ""
    port: int = 0
    password: str | None = field(default=None, repr=False)

    def holds(self, pid: int) -> bool:
        """Whether the server with this process id is ready."""
        return self._by_file(Path(self.pid_file), pid) if self.pid_file else self._by_ping()

    def _by_file(self, path: Path, pid: int) -> bool:
        try:
            lines = path.read_text(errors="replace").splitlines()
        except OSError:
            return False
        return (
            len(lines) > _POSTMASTER_STATUS
            and lines[0].strip() == str(pid)
            and lines[_POSTMASTER_STATUS].strip() == "ready"
        )

    def _by_ping(self) -> bool:
        try:
            return ping(self.host, self.port, self.password) == "PONG"
        except OSError:
            return False


@dataclass(frozen=True)
class Launch:
    """A server's command and how to treat it.

    ``stop`` are signals, each with the seconds to wait for its effect; ``death_signal`` is what the kernel sends when
    the keeper dies; ``retry_on`` are texts of the log after which starting again may help; ``remove`` are folders that
    go with the server.
    """

    service: str
    folder: str
    command: list[str]
    working_folder: str
    port: int
    readiness: Readiness
    stop: list[StopStep]
    death_signal: str
    account: Account | None = None
    input: str = field(default="", repr=False)
    retry_on: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Launch:
        data = json.loads(text)
        data["readiness"] = Readiness(**data["readiness"])
        data["account"] = data["account"] and Account(**data["account"])
        data["stop"] = [(name, limit_s) for name, limit_s in data["stop"]]
        return cls(**data)

    @property
    def run_as(self) -> RunAs:
        return run_as(self.account)

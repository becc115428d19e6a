"""Real servers on this machine: PostgreSQL and Valkey from wheels, started by a launcher of our own.

    home/                        AOS_HOME
    └── servers/                 a link, if the user that the servers run as cannot enter the home (see places)
        ├── db/                  PostgreSQL
        │   ├── lock             held while somebody starts, joins, leaves or stops the server
        │   ├── leases           shared lock of every process that uses the server
        │   ├── keeper           lock of the keeper while it lives
        │   ├── pinned           exists from ``stack up`` to ``stack down``
        │   ├── state.json       who runs: process ids with start times
        │   ├── settings.json    port, user, password, database
        │   ├── log, keeper.log
        │   ├── data/            the cluster
        │   └── socket/          Unix socket, private
        └── redis/               Valkey, likewise

Each server is the child of a *keeper*, a small Python process. It starts the server again after
a crash, and stops it when it is not pinned and the last process that used it has left, in whatever way that process
ended: a lease is a lock on a file, which the kernel drops. If the keeper itself is killed, the kernel ends the server
(Linux), so nothing is left behind.

Needs Linux or macOS and the optional extra ``embedded``. Importing this package is cheap.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_workflow.stack.lease import Lease
    from aos_workflow.stack.resp import ask, ping
    from aos_workflow.stack.settings import PostgresSettings, ValkeySettings
    from aos_workflow.stack.stack import SERVICES, Stack
    from aos_workflow.stack.temporary import postgres, valkey
    from aos_workflow.stack.values import PostgresServer, ServiceStatus, Stopped, ValkeyServer

__all__ = [
    "SERVICES",
    "Lease",
    "PostgresServer",
    "PostgresSettings",
    "ServiceStatus",
    "Stack",
    "Stopped",
    "ValkeyServer",
    "ValkeySettings",
    "ask",
    "ping",
    "postgres",
    "valkey",
]

_MODULES = {
    "SERVICES": "stack",
    "Lease": "lease",
    "PostgresServer": "values",
    "PostgresSettings": "settings",
    "ServiceStatus": "values",
    "Stack": "stack",
    "Stopped": "values",
    "ValkeyServer": "values",
    "ValkeySettings": "settings",
    "ask": "resp",
    "ping": "resp",
    "postgres": "temporary",
    "valkey": "temporary",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if sys.platform == "win32":
        from aos_workflow.errors import EmbeddedMissingError

        raise EmbeddedMissingError(
            "the embedded servers need Linux or macOS", hint="set DATABASE_URL and REDIS_URL"
        )
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

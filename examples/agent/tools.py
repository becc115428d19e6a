"""The tools of the agent. Each answers with nested data, as real ones do, and names its price."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["PRICES_CENTS", "TOOLS"]

_LOGS = {
    "api": [
        {"level": "error", "message": "pool timeout after 5000 ms", "count": 212},
        {"level": "error", "message": "upstream closed the connection", "count": 17},
        {"level": "info", "message": "release 2026.1.3 rolled out", "count": 1},
    ],
    "billing/worker": [
        {"level": "error", "message": "cannot reach the queue", "count": 3},
    ],
}

_RUNBOOKS = [
    {"title": "Connection pool exhausted", "score": 0.91, "tags": {"database", "pool", "latency"}},
    {"title": "Roll back a release", "score": 0.47, "tags": {"release", "rollback"}},
]


def read_logs(service: str, level: str = "error") -> dict[str, Any]:
    """The log lines of a service at a level, and which process read them."""
    lines = [line for line in _LOGS[service] if line["level"] == level]
    return {
        "service": service,
        "lines": lines,
        "total": sum(int(str(line["count"])) for line in lines),
        "reader": {"hostname": socket.gethostname(), "pid": os.getpid()},
    }


def search_runbooks(query: str) -> dict[str, Any]:
    """The runbooks that fit a question, best first."""
    return {"query": query, "hits": _RUNBOOKS}


def restart(service: str) -> dict[str, Any]:
    """Restart a service. Here it only says so."""
    return {
        "service": service,
        "replicas": [{"name": f"{service}-{n}", "ready": True} for n in (0, 1)],
    }


TOOLS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "read_logs": read_logs,
    "restart": restart,
    "search_runbooks": search_runbooks,
}

PRICES_CENTS = {"read_logs": 1, "restart": 5, "search_runbooks": 3}

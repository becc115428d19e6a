"""What a server may be told, and its limits."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from aos_workflow.errors import UsageError

__all__ = ["ServerSettings", "is_loopback"]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """``rate_per_s`` and ``burst`` are for each key; ``refusals_per_s`` for each address that has no valid one.

    ``open_operations`` shows metrics and workers without a key, as is usual on loopback. A request must be read within
    ``read_s``; a stream of events ends after ``stream_s`` and is asked for again. ``shadow_folders`` are simulations
    whose status is shown in the metrics.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    max_body_bytes: int = 1024 * 1024
    rate_per_s: float = 500.0
    burst: float = 1000.0
    refusals_per_s: float = 5.0
    read_s: float = 10.0
    stream_s: float = 900.0
    stream_every_s: float = 1.0
    max_streams: int = 100
    max_requests: int = 200
    database_s: float = 2.0
    census_every_s: float = 5.0
    replay_s: float = 120.0
    open_operations: bool | None = None
    shadow_folders: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        numbers = (
            self.max_body_bytes,
            self.rate_per_s,
            self.burst,
            self.refusals_per_s,
            self.stream_s,
        )
        if min(numbers) <= 0:
            raise UsageError(f"limits of a server are above 0: got {numbers}")

    @property
    def operations_are_open(self) -> bool:
        """Whether metrics and workers are shown without a key."""
        return is_loopback(self.host) if self.open_operations is None else self.open_operations


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"

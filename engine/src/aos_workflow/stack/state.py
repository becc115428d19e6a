"""Who keeps a server and who it is, as the keeper writes it for everybody else."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aos_workflow.golden.atomic import write_atomic
from aos_workflow.stack.processes import ProcessId

__all__ = ["State"]


@dataclass(frozen=True)
class State:
    """One moment of a server's life. ``starts`` counts how often this keeper has started it."""

    status: str
    keeper: ProcessId
    server: ProcessId | None
    port: int
    starts: int

    def save(self, path: Path) -> None:
        """Put it in the place of the one before."""
        write_atomic(path, json.dumps(asdict(self)).encode() + b"\n")

    @classmethod
    def load(cls, path: Path) -> State | None:
        """The last one that was written; ``None`` if there is none or it cannot be understood."""
        try:
            data = json.loads(path.read_bytes())
            return cls(
                status=data["status"],
                keeper=ProcessId(**data["keeper"]),
                server=_process(data["server"]),
                port=data["port"],
                starts=data["starts"],
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _process(data: Any) -> ProcessId | None:
    return None if data is None else ProcessId(**data)

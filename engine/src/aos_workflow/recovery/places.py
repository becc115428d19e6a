"""What a runbook names, where an exercise has it: files below a folder of its own, and free ports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Places"]

_FOLDERS = (
    "/var/lib/aos",
    "/var/lib/nova",
    "/var/log/nova",
    "/var/backups/nova",
    "/etc/nova",
    "/tmp",
)
_NAMED = re.compile(rf"(?<![\w./-])(?:{'|'.join(map(re.escape, _FOLDERS))})(?=[/\s'\"]|$)")


@dataclass(frozen=True, slots=True)
class Places:
    """``ports`` maps the ports of the runbooks to those of the exercise."""

    root: Path
    ports: Mapping[int, int]

    def create(self) -> None:
        """Make the folders."""
        for folder in _FOLDERS:
            self.of(folder).mkdir(parents=True, exist_ok=True)

    def of(self, path: str) -> Path:
        """Where the exercise has that path."""
        return self.root / path.lstrip("/")

    def translated(self, text: str) -> str:
        """A command with the exercise's places in it."""
        text = _NAMED.sub(lambda found: str(self.of(found[0])), text)
        for usual, ours in self.ports.items():
            text = re.sub(rf"(?<=localhost:){usual}\b|(?<=-p ){usual}\b", str(ours), text)
        return text

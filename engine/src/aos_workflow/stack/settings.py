"""How servers are set up, and what is remembered of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from aos_workflow.errors import UsageError
from aos_workflow.golden.atomic import write_atomic

__all__ = ["PostgresSettings", "ValkeySettings", "load", "merged", "save"]

_LONGEST = 512

SettingsT = TypeVar("SettingsT", "PostgresSettings", "ValkeySettings")


@dataclass(frozen=True)
class PostgresSettings:
    """PostgreSQL: port, superuser, its password and its database; ``options`` are more settings of the server.

    ``None`` is what it was before, and the first time nova, novapass, nova_aos and no options. A port of ``None`` is
    the usual one for ``up``, and for a lease that of last time, or a free one if somebody else has it.
    """

    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: str | None = None
    options: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        _check_port(self.port)
        for what in ("user", "password", "database"):
            _check_text(what, getattr(self, what))
        for name, value in (self.options or {}).items():
            if not name.replace("_", "").replace(".", "").isalnum() or not value.isprintable():
                raise UsageError(f"not a setting of PostgreSQL: {name!r}")


@dataclass(frozen=True)
class ValkeySettings:
    """Valkey: port, password, and when an answered write is on disk.

    ``None`` is as for PostgreSQL, the first time no password and ``always``, which loses nothing in a power cut;
    ``everysec`` loses up to two seconds. An empty password is none.
    """

    port: int | None = None
    password: str | None = field(default=None, repr=False)
    appendfsync: Literal["always", "everysec"] | None = None

    def __post_init__(self) -> None:
        _check_port(self.port)
        if self.password:
            _check_text("password", self.password)


def merged(first: SettingsT, *others: SettingsT) -> SettingsT:
    """Each setting as the first that has it says."""
    values: dict[str, Any] = {}
    for settings in reversed((first, *others)):
        values |= {name: value for name, value in vars(settings).items() if value is not None}
    return type(first)(**values)


def load(path: Path) -> dict[str, Any]:
    """What was remembered; empty if nothing was."""
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    return data if isinstance(data, dict) else {}


def save(path: Path, values: Mapping[str, Any]) -> None:
    """Remember values, readable for nobody else: passwords are among them."""
    data = json.dumps(dict(values), indent=2).encode() + b"\n"
    write_atomic(path, data, new_mode=0o600)


def _check_port(port: int | None) -> None:
    if port is not None and not 0 < port < 65536:
        raise UsageError(f"a port is a number from 1 to 65535, not {port}")


def _check_text(what: str, text: str | None) -> None:
    """Names and passwords go into one line of a file or a statement."""
    if text is None:
        return
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise UsageError(f"the {what} must have 1 to {_LONGEST} printable characters")

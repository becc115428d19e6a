"""Servers for the length of a ``with`` block: a fresh one, or a share in a home's."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from aos_workflow.stack.accounts import server_account
from aos_workflow.stack.kinds import Kind, Postgres, Valkey
from aos_workflow.stack.locks import is_locked, open_lock, try_lock
from aos_workflow.stack.places import PREFIX, open_servers
from aos_workflow.stack.service import Service
from aos_workflow.stack.settings import PostgresSettings, ValkeySettings
from aos_workflow.stack.stack import Stack
from aos_workflow.stack.values import PostgresServer, ValkeyServer
from aos_workflow.stack.waiting import wait_until

__all__ = ["postgres", "valkey"]

ServerT = TypeVar("ServerT")

_MARK = "temporary"
"""File in a temporary home, locked by who made it."""
_REMOVAL_LIMIT_S = 10.0


@contextmanager
def postgres(
    home: Path | str | None = None,
    settings: PostgresSettings | None = None,
    *,
    server_user: str = "nobody",
) -> Iterator[PostgresServer]:
    """A PostgreSQL: a share in that of ``home``, or without one a fresh server that leaves nothing behind.

    Even if this process is killed the server ends and its files go.

    Raises:
        EmbeddedMissingError, PortInUseError, ServerStartError: it cannot be started.
    """
    if home is not None:
        with Stack(home, postgres=settings, server_user=server_user).postgres() as server:
            yield server
    else:
        with _fresh(Postgres(settings), server_user) as fresh:
            yield fresh


@contextmanager
def valkey(
    home: Path | str | None = None,
    settings: ValkeySettings | None = None,
    *,
    server_user: str = "nobody",
) -> Iterator[ValkeyServer]:
    """A Valkey, likewise.

    Raises:
        As :func:`postgres`.
    """
    if home is not None:
        with Stack(home, valkey=settings, server_user=server_user).valkey() as server:
            yield server
    else:
        with _fresh(Valkey(settings), server_user) as fresh:
            yield fresh


@contextmanager
def _fresh(kind: Kind[ServerT], server_user: str) -> Iterator[ServerT]:
    account = server_account(server_user)
    _remove_forsaken()
    home = Path(tempfile.mkdtemp(prefix=PREFIX))
    mark = open_lock(home / f"{_MARK}.new")
    try:
        try_lock(mark)
        (home / f"{_MARK}.new").rename(home / _MARK)  # locked before anybody can find it
        home.chmod(0o711 if account else 0o700)
        servers = open_servers(home, account)
        folders = tuple({home, servers})
        service = Service(servers / kind.service, kind, account, remove=folders)
        with service.lease() as server:
            yield server
        wait_until(lambda: not home.exists(), _REMOVAL_LIMIT_S)
    finally:
        os.close(mark)
        _remove(home)


def _remove_forsaken() -> None:
    """Remove what was left by processes that were killed before they had a server."""
    for mark in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{_MARK}")):
        home = mark.parent
        try:
            ours = not home.is_symlink() and home.stat().st_uid == os.geteuid()
            if ours and not is_locked(mark):
                _remove(home)
        except OSError:
            continue


def _remove(home: Path) -> None:
    """Remove a temporary home, unless a server still runs in it: its keeper will."""
    servers = (home / "servers").resolve()
    if not any(is_locked(keeper) for keeper in servers.glob("*/keeper")):
        for folder in {home, servers}:
            shutil.rmtree(folder, ignore_errors=True)

"""Where the servers' files lie: below the home, or elsewhere if the servers' user cannot enter it.

Under root the servers run as somebody else, and a home is often below a folder that only root may enter: ``/root``,
or what ``mktemp -d`` makes. Opening such folders to others is not ours to do, so the files then lie in a folder of
their own, to which ``home/servers`` is a link: below ``/var/lib/aos-workflow``, or for a home among temporary files,
beside those. The latter are removed with the next use after their home has gone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from aos_workflow.errors import ServerStartError
from aos_workflow.stack.accounts import Account, can
from aos_workflow.stack.locks import exclusive, is_locked
from aos_workflow.stack.waiting import Deadline

__all__ = ["PREFIX", "open_servers", "servers_folder"]

PREFIX = "aos-workflow-"
"""Begins the names of folders that we make among temporary files."""

_SYSTEM_FOLDER = Path("/var/lib/aos-workflow")
_BACK = "home"
"""File in a folder elsewhere that says which home it belongs to."""
_LIMIT_S = 30.0


def servers_folder(home: Path) -> Path:
    """The folder as it is now; perhaps it does not exist yet."""
    return (home / "servers").resolve()


def open_servers(home: Path, account: Account | None) -> Path:
    """The folder of the servers' files, made if need be, which the account can enter.

    Raises:
        ServerStartError: there is no place that the account can enter.
        OSError: the home cannot be made or written.
    """
    _make(home, account)
    link = home / "servers"
    with exclusive(home / "lock", Deadline(_LIMIT_S)):
        if link.is_symlink() and not link.exists():  # among temporary files, and cleared away
            link.unlink()
        if not link.exists():
            if can(account, "x", home):
                _make(link, account)
            else:
                _make_elsewhere(home, link, account)
        folder = link.resolve()
    if not can(account, "x", folder):
        raise _unreachable(folder, account)
    return folder


def _make(folder: Path, account: Account | None) -> None:
    """A folder that nobody else can list, and that the account can pass through."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711 if account else 0o700)


def _make_elsewhere(home: Path, link: Path, account: Account | None) -> None:
    """A folder outside of the home, and the link to it."""
    temporary = Path(tempfile.gettempdir()).resolve()
    if home.resolve().is_relative_to(temporary):
        parents = [temporary, Path("/tmp"), Path("/var/tmp")]
    else:
        _SYSTEM_FOLDER.mkdir(mode=0o755, exist_ok=True)
        parents = [_SYSTEM_FOLDER]
    parent = next((p for p in parents if p.is_dir() and can(account, "x", p)), None)
    if parent is None:
        raise _unreachable(home, account)
    if parent != _SYSTEM_FOLDER:
        _remove_forsaken(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    folder.chmod(0o711)
    link.symlink_to(folder)  # first: what has a way back and no link to it is forsaken
    (folder / _BACK).write_bytes(os.fsencode(home.resolve()))


def _remove_forsaken(parent: Path) -> None:
    """Remove the folders whose home has gone, unless a server still runs there."""
    for back in sorted(parent.glob(f"{PREFIX}*/{_BACK}")):
        folder = back.parent
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                continue
            link = Path(os.fsdecode(back.read_bytes())) / "servers"
        except OSError:
            continue
        in_use = any(is_locked(keeper) for keeper in folder.glob("*/keeper"))
        if not in_use and (not link.exists() or link.resolve() != folder.resolve()):
            shutil.rmtree(folder, ignore_errors=True)


def _unreachable(folder: Path, account: Account | None) -> ServerStartError:
    assert account is not None, "we can enter what we made"
    closed = next(
        (p for p in reversed([folder, *folder.parents]) if not can(account, "x", p)), folder
    )
    return ServerStartError(
        f"the servers run as {account.name}, who cannot enter {closed}",
        hint=f"let others pass (chmod o+x {closed}), or choose another home: AOS_HOME=/var/lib/aos",
    )

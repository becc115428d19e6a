"""The user that servers run as. PostgreSQL refuses to be root, so under root it is an existing unprivileged one."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from aos_workflow.errors import ServerStartError

__all__ = ["Account", "RunAs", "can", "private_folder", "run_as", "server_account"]


@dataclass(frozen=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


class RunAs(TypedDict, total=False):
    """Arguments of :class:`subprocess.Popen`."""

    user: int
    group: int
    extra_groups: list[int]


def server_account(name: str) -> Account | None:
    """The user to change to, or ``None`` if we are not root and servers run as ourselves.

    Raises:
        ServerStartError: there is no such user, or it is root itself.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise ServerStartError(
            f"PostgreSQL does not run as root, and there is no user {name!r} to run it as",
            hint="run as another user, or name an existing unprivileged one: Stack(home, server_user=...)",
        ) from None
    if entry.pw_uid == 0:
        raise ServerStartError(f"PostgreSQL does not run as root, and {name!r} is root")
    return Account(name, entry.pw_uid, entry.pw_gid)


def run_as(account: Account | None) -> RunAs:
    """What makes a child process run as the account, in none of our groups."""
    return RunAs(user=account.uid, group=account.gid, extra_groups=[]) if account else RunAs()


def private_folder(folder: Path, account: Account | None) -> None:
    """Make a folder that only the servers' user can use."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def can(account: Account | None, right: str, path: Path) -> bool:
    """Whether the account has a right (``r``, ``w``, ``x``) to a path. Asked of the kernel, so that ACLs count."""
    if account is None:
        return os.access(path, {"r": os.R_OK, "w": os.W_OK, "x": os.X_OK}[right])
    test = ["/bin/sh", "-c", 'test "-$0" "$1"', right, str(path)]
    return subprocess.run(test, check=False, cwd="/", env={}, **run_as(account)).returncode == 0

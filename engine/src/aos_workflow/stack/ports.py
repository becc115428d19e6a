"""TCP ports on loopback: a free one, and who has one that is not free."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from aos_workflow.errors import PortInUseError
from aos_workflow.stack.processes import command_line

__all__ = ["HOST", "check_free", "free_port", "is_free", "owner"]

HOST = "127.0.0.1"

_LISTENING = "0A"
_MEANT_BY_LOCALHOST = ("127.0.0.1", "::1")


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether ``localhost:port`` is nobody's, in IPv6 too, since clients try that first."""
    return all(_can_bind(host, port) for host in _MEANT_BY_LOCALHOST)


def check_free(service: str, port: int) -> None:
    """Make sure that a port is free.

    Raises:
        PortInUseError: somebody listens there; names who, where that can be seen.
    """
    if is_free(port):
        return
    pid = owner(port)
    command = command_line(pid) if pid else ""
    who = f"process {pid} ({command})" if pid and command else "another process"
    raise PortInUseError(
        f"{service}: port {port} is in use by {who}",
        port=port,
        owner_pid=pid,
        owner_command=command or None,
        hint=f"stop it, or choose another port: aos-workflow stack up --{service}-port PORT",
    )


def owner(port: int) -> int | None:
    """The process that listens on a port; ``None`` if there is none or it may not be looked at."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    if not sockets:
        return None
    for folder in sorted(Path("/proc").glob("[0-9]*/fd")):
        try:
            if any(str(handle.readlink()) in sockets for handle in folder.iterdir()):
                return int(folder.parent.name)
        except OSError:  # it has ended, or is somebody else's
            continue
    return None


def _listening(port: int) -> set[str]:
    """Inodes of the sockets that listen on a port."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def _can_bind(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        probe = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return True  # no IPv6 here
    with probe:
        # As the servers do: connections of a server that has ended do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True

"""The real world, closed: what reaches for it inside a simulation is an error that names the call and its line.

Two doors: the methods of the loop that would wait for files and sockets, and an audit hook (PEP 578) for everything
that needs no loop. The hook is added at the first simulation and cannot be removed; otherwise it does nothing.
"""

from __future__ import annotations

import asyncio
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from aos_workflow.errors import RealIOError

__all__ = ["Worldless", "call_site", "closed", "refuse"]

_METHODS: Final = (
    "add_reader",
    "add_signal_handler",
    "add_writer",
    "connect_accepted_socket",
    "connect_read_pipe",
    "connect_write_pipe",
    "create_connection",
    "create_datagram_endpoint",
    "create_server",
    "create_unix_connection",
    "create_unix_server",
    "getaddrinfo",
    "getnameinfo",
    "remove_reader",
    "remove_signal_handler",
    "remove_writer",
    "sendfile",
    "sock_accept",
    "sock_connect",
    "sock_recv",
    "sock_recv_into",
    "sock_recvfrom",
    "sock_recvfrom_into",
    "sock_sendall",
    "sock_sendfile",
    "sock_sendto",
    "start_tls",
    "subprocess_exec",
    "subprocess_shell",
)

_EVENTS: Final = frozenset(
    [
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "socket.sendto",
        "subprocess.Popen",
    ]
)
_PACKAGE = __name__.rpartition(".")[0]
_STANDARD = sysconfig.get_paths()["stdlib"]
_HINT = "give the simulation a skill or client that stands in for it, or keep this code out of simulations"

_closed = threading.local()
_installed: list[bool] = []


@contextmanager
def closed() -> Iterator[None]:
    """Refuse whatever this thread asks of the real world while the block runs."""
    if not _installed:
        sys.addaudithook(_audit)
        _installed.append(True)
    before = getattr(_closed, "on", False)
    _closed.on = True
    try:
        yield
    finally:
        _closed.on = before


def refuse(call: str, target: object = None) -> NoReturn:
    """Raise RealIOError for the call."""
    site = call_site()
    what = call if target is None else f"{call}({target})"
    raise RealIOError(
        f"{what} at {site} is real I/O, and there is none in a simulation",
        call=call,
        site=site,
        hint=_HINT,
    )


def call_site() -> str:
    """``file:line`` of the nearest frame that is neither ours nor the standard library's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        name = frame.f_globals.get("__name__", "")
        is_standard = file.startswith((_STANDARD, "<frozen ")) and "site-packages" not in file
        if not is_standard and not name.startswith(_PACKAGE):
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return "a place that is not known"


def _refusing(name: str) -> Callable[..., NoReturn]:
    """A method of a loop that refuses."""

    def method(self: object, *args: Any, **kwargs: Any) -> NoReturn:
        refuse(f"loop.{name}")

    method.__name__ = name
    return method


if TYPE_CHECKING:
    from asyncio import BaseEventLoop as Worldless  # there, no method is left out
else:

    class Worldless(asyncio.AbstractEventLoop):
        """A loop without the methods that reach for the real world: they refuse."""

    for _name in _METHODS:
        setattr(Worldless, _name, _refusing(_name))


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event not in _EVENTS or not getattr(_closed, "on", False):
        return
    _closed.on = False  # finding the line must not report itself
    try:
        refuse(event, _target(event, args))
    finally:
        _closed.on = True


def _target(event: str, args: tuple[Any, ...]) -> str:
    found = args[1] if event in ("socket.connect", "socket.bind", "socket.sendto") else args[0]
    return repr(found)[:200]

"""The outside world, watched or closed: what code outside of a step reaches for is noted, and in a replay stopped.

An audit hook (PEP 578) sees sockets, name lookups and other processes whoever opens them. It is added to the
interpreter at the first use and cannot be removed; it does nothing outside of these blocks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from aos_workflow.engine.divergence import call_site
from aos_workflow.errors import ExternalCallBlockedError

__all__ = ["Escape", "closed", "unwatched", "watched"]

_LOOPBACK = ("127.", "::1", "localhost", "0:0:0:0:0:0:0:1")


@dataclass(frozen=True, slots=True)
class Escape:
    """A call that was stopped: the audit event, what was asked for, and from where."""

    event: str
    target: str
    site: str


@dataclass
class _Watch:
    report: Callable[[Escape], None]
    allow_loopback: bool
    blocks: bool
    open: bool = field(default=False)


_WATCH: ContextVar[_Watch | None] = ContextVar("aos_outside", default=None)
_installed: list[bool] = []


@contextmanager
def closed(report: Callable[[Escape], None], *, allow_loopback: bool = True) -> Iterator[None]:
    """Stop calls to the outside world made in this block, and in the tasks and threads that it starts.

    ``report`` is told of each before ExternalCallBlockedError is raised where it was made.
    """
    with _watching(_Watch(report, allow_loopback, blocks=True)):
        yield


@contextmanager
def watched(report: Callable[[Escape], None]) -> Iterator[None]:
    """Report such calls, and let them be."""
    with _watching(_Watch(report, allow_loopback=True, blocks=False)):
        yield


class unwatched:  # noqa: N801 - used as a function is
    """What happens in this block is a step's or the engine's own: not reported, though in a replay still stopped."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        watch = _WATCH.get()
        self._token = None if watch is None or watch.blocks else _WATCH.set(None)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _WATCH.reset(self._token)


@contextmanager
def _watching(watch: _Watch | None) -> Iterator[None]:
    if watch is not None and not _installed:
        sys.addaudithook(_audit)
        _installed.append(True)
    token = _WATCH.set(watch)
    try:
        yield
    finally:
        _WATCH.reset(token)


def _audit(event: str, args: tuple[Any, ...]) -> None:
    target = _TARGETS.get(event)
    if target is None:
        return
    watch = _WATCH.get()
    if watch is None or watch.open or _is_said_already(event):
        return
    named = target(args)
    if named is None or (watch.allow_loopback and named.startswith(_LOOPBACK)):
        return
    watch.open = True  # finding the line must not report itself
    try:
        escape = Escape(event, named, str(call_site()))
        watch.report(escape)
    finally:
        watch.open = False
    if not watch.blocks:
        return
    raise ExternalCallBlockedError(
        f"a replay reached for the outside world: {event} to {named}, at {escape.site}",
        event=event,
        target=named,
        site=escape.site,
        hint="do it in a step: ctx.step(skill, ...) or ctx.call(function, ...)",
    )


def _is_said_already(event: str) -> bool:
    """From 3.13 on, subprocess starts most processes by ``posix_spawn``, after it has said so itself."""
    return event == "os.posix_spawn" and sys._getframe(2).f_globals.get("__name__") == "subprocess"


def _address(args: tuple[Any, ...]) -> str | None:
    """That of a socket; a Unix socket is part of this machine."""
    address = args[1] if len(args) > 1 else None
    if isinstance(address, tuple) and address:
        return ":".join(map(str, address[:2]))
    return None


def _host(args: tuple[Any, ...]) -> str | None:
    return str(args[0]) if args and args[0] is not None else None


def _command(args: tuple[Any, ...]) -> str:
    executable, argv = (*args, None, None)[:2]
    first = argv[0] if isinstance(argv, (list, tuple)) and argv else executable
    return str(first if first is not None else executable)


_TARGETS: dict[str, Callable[[tuple[Any, ...]], str | None]] = {
    "socket.connect": _address,
    "socket.sendto": _address,
    "socket.getaddrinfo": _host,
    "socket.gethostbyname": _host,
    "socket.gethostbyaddr": _host,
    "subprocess.Popen": _command,
    "os.system": _host,
    "os.exec": _host,
    "os.posix_spawn": _host,
    "os.spawn": lambda args: str(args[1]) if len(args) > 1 else "another process",
}

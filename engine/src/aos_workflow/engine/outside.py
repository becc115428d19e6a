"""The outside world, watched or closed: what code outside of a step reaches for is noted, and in a replay stopped.

An audit hook (PEP 578) sees sockets, name lookups and other processes whoever opens them. It is added to the
interpreter at the first use and cannot be removed; it does nothing outside of these blocks.

What is closed is so by context, which tasks inherit and threads do not. So from the first closed block on,
``Thread.start`` and ``ThreadPoolExecutor.submit`` hand the block over that they are called in; the threads of a pool
serve others too, and get none of their own. Threads that were there before, and take their work from a queue of their
own, are not seen.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, replace
from functools import partial, wraps
from threading import Thread
from typing import Any

from aos_workflow.engine.divergence import call_site
from aos_workflow.errors import ExternalCallBlockedError

__all__ = ["Escape", "closed", "unwatched", "watched"]

_LOOPBACK = re.compile(
    r"(?:127(?:\.[0-9]{1,3}){1,3}|localhost|::1|0:0:0:0:0:0:0:1)(?::[0-9]{1,5})?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Escape:
    """A call that was stopped: the audit event, what was asked for, and from where."""

    event: str
    target: str
    site: str


@dataclass(frozen=True, slots=True)
class _Watch:
    report: Callable[[Escape], None]
    allow_loopback: bool
    blocks: bool
    site: str | None = None
    """Where a thread got its work from: its own calls may have no line of the program above them."""


_WATCH: ContextVar[_Watch | None] = ContextVar("aos_outside", default=None)
_installed: list[str] = []


@contextmanager
def closed(report: Callable[[Escape], None], *, allow_loopback: bool = True) -> Iterator[None]:
    """Stop calls to the outside world made in this block, and in the tasks and threads that it starts.

    ``report`` is told of each before ExternalCallBlockedError is raised where it was made.
    """
    if "threads" not in _installed:
        ThreadPoolExecutor.submit = _submitting(ThreadPoolExecutor.submit)  # type: ignore[method-assign]
        Thread.start = _starting(Thread.start)  # type: ignore[method-assign,assignment]
        _installed.append("threads")
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
    if watch is not None and "hook" not in _installed:
        sys.addaudithook(_audit)
        _installed.append("hook")
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
    if watch is None or _is_said_already(event):
        return
    named = target(args)
    if named is None or (
        watch.allow_loopback and event.startswith("socket.") and _LOOPBACK.fullmatch(named)
    ):
        return
    token = _WATCH.set(None)  # finding the line must not report itself
    try:
        site = call_site()
        escape = Escape(event, named, str(site if site.file else watch.site or site))
        watch.report(escape)
    finally:
        _WATCH.reset(token)
    if not watch.blocks:
        return
    raise ExternalCallBlockedError(
        f"a replay reached for the outside world: {event} to {named}, at {escape.site}",
        event=event,
        target=named,
        site=escape.site,
        hint="do it in a step: ctx.step(skill, ...) or ctx.call(function, ...)",
    )


def _submitting(submit: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
    @wraps(submit)
    def submitting(
        pool: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        watch = _WATCH.get()
        if watch is not None and watch.blocks:
            fn = _carrying(watch, fn)
        return submit(pool, fn, *args, **kwargs)

    return submitting


def _starting(start: Callable[[Thread], None]) -> Callable[[Thread], None]:
    @wraps(start)
    def starting(thread: Thread) -> None:
        watch = _WATCH.get()
        if watch is not None and watch.blocks and not _is_of_a_pool(thread):
            thread.run = _carrying(watch, thread.run)  # type: ignore[method-assign]
        start(thread)

    return starting


def _is_of_a_pool(thread: Thread) -> bool:
    target = getattr(thread, "_target", None)
    return getattr(target, "__module__", None) == ThreadPoolExecutor.__module__


def _carrying(watch: _Watch, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, to be called in another thread as in this block."""
    context = copy_context()
    site = call_site()
    context.run(_WATCH.set, replace(watch, site=str(site)) if site.file else watch)
    return partial(context.run, function)


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
    "os.fork": lambda _: "a copy of this process",
    "os.forkpty": lambda _: "a copy of this process",
    "os.system": _host,
    "os.exec": _host,
    "os.posix_spawn": _host,
    "os.spawn": lambda args: str(args[1]) if len(args) > 1 else "another process",
}

"""A port where a process that is no web server shows its metrics: ``GET /metrics``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aos_workflow.errors import UsageError
from aos_workflow.metrics.exposition import CONTENT_TYPE, exposition
from aos_workflow.metrics.registry import Registry

__all__ = ["exporting"]

_READ_S = 5.0
_MAX_HEAD_BYTES = 16 * 1024
_MAX_CLIENTS = 16
_TEXT = "text/plain; charset=utf-8"


@asynccontextmanager
async def exporting(registry: Registry, host: str, port: int) -> AsyncIterator[int]:
    """Answer on this port while the block runs; gives the port, which the system chooses for 0.

    One request a connection, within 5 s, for at most 16 clients at a time.

    Raises:
        UsageError: the port cannot be had.
    """
    clients = asyncio.Semaphore(_MAX_CLIENTS)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(
            OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            async with clients, asyncio.timeout(_READ_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_answer(registry, head))
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(serve, host, port, limit=_MAX_HEAD_BYTES)
    except OSError as error:
        raise UsageError(
            f"metrics cannot be shown at {host}:{port}: {error.strerror or error}",
            hint="choose another --metrics-port, or 0 for any",
        ) from None
    async with server:
        yield server.sockets[0].getsockname()[1]


def _answer(registry: Registry, head: bytes) -> bytes:
    method, _, rest = head.partition(b" ")
    target = rest.partition(b" ")[0].partition(b"?")[0]
    if method not in (b"GET", b"HEAD"):
        return _response("405 Method Not Allowed", _TEXT, b"only GET\n", is_head=False)
    if target == b"/metrics":
        return _response("200 OK", CONTENT_TYPE, exposition(registry), is_head=method == b"HEAD")
    return _response("404 Not Found", _TEXT, b"try /metrics\n", is_head=method == b"HEAD")


def _response(status: str, kind: str, body: bytes, *, is_head: bool) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (b"" if is_head else body)

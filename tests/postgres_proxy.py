"""Between a client and PostgreSQL: counts round trips, cuts connections, and loses answers on purpose."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit, urlunsplit

__all__ = ["Proxy"]

_HEADER = 5


class Proxy:
    """A server on loopback that passes everything on to the one of ``url``.

    ``round_trips`` counts what a client waits for: Sync and simple queries, after the session has begun. While
    ``refuse`` is set, new connections are closed at once.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._links: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self.round_trips = 0
        self.connections = 0
        self._lose: bytes | None = None
        self.lost = 0
        self.refuse = False

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user = f"{self._target.username}:{self._target.password}"
        return urlunsplit(
            self._target._replace(netloc=f"{user}@127.0.0.1:{port}", query="sslmode=disable")
        )

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exception: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    def lose_answer(self, to: str) -> None:
        """Pass the next statement with this text on, and cut the connection instead of passing its answer back."""
        self._lose = to.encode()

    def cut(self) -> None:
        """End every connection."""
        for ends in list(self._links):
            for end in ends:
                end.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            writer.close()
            return
        host, port = self._target.hostname, self._target.port
        server_reader, server_writer = await asyncio.open_connection(host, port)
        self.connections += 1
        link = (writer, server_writer)
        self._links.add(link)
        losing = asyncio.Event()
        answers = asyncio.create_task(self._answers(server_reader, writer, losing))
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._requests(reader, server_writer, losing)
        self._links.discard(link)
        server_writer.close()
        await answers

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event
    ) -> None:
        size = await reader.readexactly(4)  # the start-up message has no type
        writer.write(size + await reader.readexactly(int.from_bytes(size) - 4))
        statements: dict[bytes, bytes] = {}
        while True:
            head = await reader.readexactly(_HEADER)
            body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
            if head[:1] == b"P":
                name, statement, _ = body.split(b"\0", 2)
                statements[name] = statement
            elif head[:1] in (b"B", b"Q") and self._lose is not None:
                statement = body if head[:1] == b"Q" else statements[body.split(b"\0", 2)[1]]
                if self._lose in statement:
                    losing.set()
                    self._lose = None
                    self.lost += 1
            self.round_trips += head[:1] in (b"S", b"Q")
            writer.write(head + body)
            await writer.drain()

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if not losing.is_set():
                    writer.write(data)
                    await writer.drain()
                elif data[-6:-1] == b"Z\0\0\0\5":  # ready again: the statement has happened
                    break
        writer.close()

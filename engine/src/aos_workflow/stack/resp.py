"""As much of the Redis protocol as a ping needs, for when ``redis-cli`` is not there."""

from __future__ import annotations

import socket

__all__ = ["ping"]

_LONGEST_REPLY = 4096


def ping(host: str, port: int, password: str | None = None, *, timeout_s: float = 2.0) -> str:
    """What a server answers to PING: ``PONG``, or the text of its error, such as ``LOADING ...``.

    Raises:
        OSError: nobody answers, or not in this protocol.
    """
    with socket.create_connection((host, port), timeout=timeout_s) as connection:
        if password is not None and (refused := _ask(connection, "AUTH", password)) != "OK":
            return refused
        return _ask(connection, "PING")


def _ask(connection: socket.socket, *words: str) -> str:
    parts = [f"*{len(words)}\r\n".encode()]
    parts += [b"$%d\r\n%s\r\n" % (len(data), data) for data in (w.encode() for w in words)]
    connection.sendall(b"".join(parts))
    reply = b""
    while not reply.endswith(b"\r\n"):
        part = connection.recv(_LONGEST_REPLY)
        reply += part
        if not part or len(reply) > _LONGEST_REPLY:
            raise ConnectionError("the server does not answer as Redis does")
    if reply[:1] not in (b"+", b"-"):
        raise ConnectionError("the server does not answer as Redis does")
    return reply[1:-2].decode(errors="replace")

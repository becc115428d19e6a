"""As much of the Redis protocol as operators need, for when ``redis-cli`` is not there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from io import BufferedReader

__all__ = ["ask", "ping"]

_LONGEST_REPLY = 16 * 1024 * 1024
_DEEPEST = 8
_KINDS = b"+-:$*"
"""First bytes of replies: text, error, number, bytes of a length, a list."""


def ping(host: str, port: int, password: str | None = None, *, timeout_s: float = 2.0) -> str:
    """What a server answers to PING: ``PONG``, or the text of its error, such as ``LOADING ...``.

    Raises:
        OSError: nobody answers, or not in this protocol.
    """
    return ask(host, port, ["PING"], password, timeout_s=timeout_s, kinds=b"+-")[0]


def ask(
    host: str,
    port: int,
    words: list[str],
    password: str | None = None,
    *,
    timeout_s: float = 5.0,
    kinds: bytes = _KINDS,
) -> list[str]:
    """The lines of a server's answer to one command, an error's text too. ``kinds`` are the replies that are expected.

    Raises:
        OSError: nobody answers, or not in this protocol.
    """
    with socket.create_connection((host, port), timeout=timeout_s) as connection:
        if password is not None:
            refused = _asked(connection, ["AUTH", password], b"+-")
            if refused != ["OK"]:
                return refused
        return _asked(connection, words, kinds)


def _asked(connection: socket.socket, words: list[str], kinds: bytes) -> list[str]:
    parts = [f"*{len(words)}\r\n".encode()]
    parts += [b"$%d\r\n%s\r\n" % (len(data), data) for data in (w.encode() for w in words)]
    connection.sendall(b"".join(parts))
    with connection.makefile("rb") as answer:
        return list(_reply(answer, kinds, 0))


def _reply(answer: BufferedReader, kinds: bytes, depth: int) -> Iterator[str]:
    """One reply, by its first byte: text, error, number, bytes of a length, or a list of replies."""
    line = answer.readline(_LONGEST_REPLY)
    kind, text = line[:1], line[1:].rstrip(b"\r\n").decode(errors="replace")
    if not line.endswith(b"\r\n") or kind not in kinds or depth > _DEEPEST:
        raise ConnectionError("the server does not answer as Redis does")
    if kind in b"+-:":
        yield text
        return
    if not text.lstrip("-").isdigit() or int(text) > _LONGEST_REPLY:
        raise ConnectionError("the server does not answer as Redis does")
    count = int(text)
    if kind == b"$":
        body = answer.read(count + 2)[:-2] if count >= 0 else b"(nil)"
        yield from body.decode(errors="replace").splitlines() or [""]
    else:
        for _ in range(count):
            yield from _reply(answer, _KINDS, depth + 1)

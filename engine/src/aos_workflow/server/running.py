"""A server on a port, until it is told to stop."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn

from aos_workflow.errors import UsageError
from aos_workflow.server.app import Server
from aos_workflow.server.keys import ApiKeys
from aos_workflow.server.settings import ServerSettings, is_loopback

__all__ = ["refuse_open_doors", "serve"]

_GRACE_S = 10
_KEEP_ALIVE_S = 15


def refuse_open_doors(settings: ServerSettings, keys: ApiKeys) -> None:
    """Raises UsageError if others could reach a server that asks nobody for a key."""
    if not keys and not is_loopback(settings.host):
        raise UsageError(
            f"refusing to listen on {settings.host} without a key",
            hint="export AOS_API_KEY=$(openssl rand -hex 32), or --host 127.0.0.1",
        )


async def serve(
    server: Server,
    *,
    started: Callable[[str, int], None],
    certificate: Path | None = None,
    private_key: Path | None = None,
) -> None:
    """Answer until SIGTERM or Ctrl-C, then finish what is under way, for at most 10 s.

    ``started`` is told host and port, which the system chooses for 0.

    Raises:
        UsageError: the port cannot be had.
    """
    settings = server.settings
    options = uvicorn.Config(
        server,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        limit_concurrency=None,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=certificate,
        ssl_keyfile=private_key,
    )
    with _socket(settings.host, settings.port) as found:
        await _Listening(options, server, started).serve(sockets=[found])


def _socket(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            hint="choose another --port, or 0 for any",
        ) from None


class _Listening(uvicorn.Server):
    def __init__(
        self, options: uvicorn.Config, server: Server, started: Callable[[str, int], None]
    ) -> None:
        super().__init__(options)
        self._server = server
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port, *_ = sockets[0].getsockname()
            self._started(host, port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Leave; at the second signal, at once. Not as uvicorn does it, which kills the process in the end."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._server.backend.is_leaving = True  # ends the streams of events

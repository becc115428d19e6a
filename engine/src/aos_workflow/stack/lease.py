"""A share in a server."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

__all__ = ["Lease"]

ServerT = TypeVar("ServerT")


class Lease(Generic[ServerT]):
    """A share in a running server, kept until :meth:`release` or the end of this process and of those it forks."""

    def __init__(self, server: ServerT, release: Callable[[], None]) -> None:
        self.server = server
        self._release: Callable[[], None] | None = release

    def release(self) -> None:
        """Leave the server, and if nobody else uses it wait until it has stopped. The second time does nothing."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def __enter__(self) -> ServerT:
        return self.server

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

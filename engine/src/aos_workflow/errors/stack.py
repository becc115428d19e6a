"""The embedded servers."""

from __future__ import annotations

from aos_workflow.errors.base import AosError

__all__ = [
    "EmbeddedMissingError",
    "PortInUseError",
    "ServerInUseError",
    "ServerStartError",
    "ServerStoppedError",
    "StackError",
    "StackTimeoutError",
]


class StackError(AosError):
    """The embedded servers. ``service`` is ``db`` or ``redis``, where it is about one."""

    code = "STACK_ERROR"
    category = "stack"

    def __init__(
        self, message: str, *, service: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.service = service


class EmbeddedMissingError(StackError):
    """The servers' wheels are not installed, or there are none for this machine."""

    code = "EMBEDDED_MISSING"


class PortInUseError(StackError):
    """A port is somebody else's: ``owner_pid`` and ``owner_command``, where they can be seen."""

    code = "PORT_IN_USE"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        port: int,
        service: str | None = None,
        owner_pid: int | None = None,
        owner_command: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, service=service, hint=hint)
        self.port = port
        self.owner_pid = owner_pid
        self.owner_command = owner_command


class ServerStartError(StackError):
    """A server that does not come up. The message ends with what its log says."""

    code = "SERVER_START"


class ServerInUseError(StackError):
    """Other processes (``users``, where they can be seen) use a server as it is."""

    code = "SERVER_IN_USE"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        service: str | None = None,
        users: tuple[int, ...] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, service=service, hint=hint)
        self.users = users


class ServerStoppedError(StackError):
    """A server that is needed does not run."""

    code = "SERVER_STOPPED"
    retryable = True


class StackTimeoutError(StackError):
    """Something took longer than it may. Nothing was left half done."""

    code = "STACK_TIMEOUT"
    retryable = True

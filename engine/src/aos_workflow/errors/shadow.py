"""Shadow simulation: what keeps one from running. What it finds is a report, not an error."""

from __future__ import annotations

from aos_workflow.errors.base import AosError

__all__ = [
    "FleetMissingError",
    "ShadowBusyError",
    "ShadowChangedError",
    "ShadowDiskError",
    "ShadowError",
    "ShadowFolderError",
    "ShadowWorkerError",
]


class ShadowError(AosError):
    """A simulation cannot run. ``folder`` is where it writes, if it is about that."""

    code = "SHADOW_ERROR"
    category = "shadow"

    def __init__(self, message: str, *, folder: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.folder = folder


class ShadowBusyError(ShadowError):
    """Another simulation writes into the folder."""

    code = "SHADOW_BUSY"
    retryable = True


class ShadowFolderError(ShadowError):
    """The folder is not, or no longer, what a simulation left there; or it already holds one."""

    code = "SHADOW_FOLDER"


class ShadowChangedError(ShadowError):
    """The workflows' code is not what the simulation began with, so its cycles cannot be compared."""

    code = "SHADOW_CHANGED"


class ShadowWorkerError(ShadowError):
    """The processes that run cycles do not start, or end again and again."""

    code = "SHADOW_WORKER"


class ShadowDiskError(ShadowError):
    """What was found cannot be written, and waiting for room did not help. Nothing unwritten was counted."""

    code = "SHADOW_DISK"
    retryable = True


class FleetMissingError(ShadowError):
    """What distributes a simulation over machines is not installed, or not reached."""

    code = "FLEET_MISSING"

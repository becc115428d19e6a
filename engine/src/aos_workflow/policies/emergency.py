"""Emergency stops: the environment, a stop file, the database. Whoever says stop first, nothing begins any more."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from aos_workflow.errors import EmergencyStopError, EngineDisabledError

__all__ = ["DISABLED", "STOP", "EmergencyStop"]

STOP = "WORKFLOW_EMERGENCY_STOP"
"""``true`` stops everything before its next step."""
DISABLED = "WORKFLOW_ENGINE_ENABLED"
"""``false`` refuses new runs; those that run go on."""
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})


class EmergencyStop:
    """Asked before every run and every step; costs a look-up and a stat.

    ``environment`` is asked each time, for a process may change its own. ``stop_file`` stops while it exists.
    """

    def __init__(
        self,
        environment: Callable[[], Mapping[str, str]] | None = None,
        stop_file: Path | None = None,
    ) -> None:
        self._environment = environment or dict
        self.stop_file = stop_file
        self._stop_file = str(stop_file) if stop_file is not None else None

    def check_start(self, *, db_stopped: bool = False, db_reason: str | None = None) -> None:
        """Whether a run may begin.

        Raises:
            EmergencyStopError, EngineDisabledError: no.
        """
        self.check_step(db_stopped=db_stopped, db_reason=db_reason)
        if self._environment().get(DISABLED, "").strip().lower() in _NO:
            raise EngineDisabledError(
                f"no new runs: {DISABLED} is false; runs that have begun may finish",
                hint=f"unset {DISABLED} and start the process again",
            )

    def check_step(self, *, db_stopped: bool = False, db_reason: str | None = None) -> None:
        """Whether a step may begin.

        Raises:
            EmergencyStopError: no; says who stopped it.
        """
        if self._environment().get(STOP, "").strip().lower() in _YES:
            raise EmergencyStopError(
                f"stopped: {STOP} is set",
                source="environment",
                hint=f"set {STOP}=false, start the process again, and resume the runs",
            )
        if self._stop_file is not None and os.path.exists(self._stop_file):  # noqa: PTH110 - ten times as fast
            raise EmergencyStopError(
                f"stopped: the stop file {self._stop_file} exists",
                source="file",
                hint="scripts/ops/disable-workflows.sh disable",
            )
        if db_stopped:
            raise EmergencyStopError(
                f"stopped for the whole fleet: {db_reason or 'no reason given'}",
                source="database",
                hint="aos-workflow stop disable",
            )

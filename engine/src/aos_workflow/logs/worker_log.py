"""What a worker reports, as lines that the runbooks search."""

from __future__ import annotations

from collections.abc import Callable

import structlog

__all__ = ["worker_log"]

_LEVELS = {
    "run_quarantined": "critical",
    "run_lost": "error",
    "run_refused": "error",
    "store_unavailable": "error",
    "step_failed": "error",
    "golden_failed": "error",
    "runs_requeued": "warning",
}


def worker_log(
    logger: structlog.typing.FilteringBoundLogger, worker_id: str
) -> Callable[[str, dict[str, object]], None]:
    """A worker's report that writes a line for each event, at the level that it deserves."""
    bound = logger.bind(worker_id=worker_id)

    def report(event: str, fields: dict[str, object]) -> None:
        level = _LEVELS.get(event, "info")
        if event == "run_left" and fields.get("error_code"):
            level = "error"
        rest = {name: value for name, value in fields.items() if name != "event"}
        getattr(bound, level)(event, **rest)

    return report

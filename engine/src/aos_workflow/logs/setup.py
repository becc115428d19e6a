"""structlog and the standard library's logging, both into the same lines."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from aos_workflow.determinism import Clock, SystemClock, rfc3339
from aos_workflow.logs.masking import Mask
from aos_workflow.logs.sinks import Sinks
from aos_workflow.skills.step_context import running_step

__all__ = ["log_to"]

_LEVELS = {"warn": "WARNING", "exception": "ERROR", "fatal": "CRITICAL"}
_FIRST = ("timestamp", "level", "event")


def log_to(
    sinks: Sinks, *, mask: Mask | None = None, clock: Clock | None = None, level: int = logging.INFO
) -> structlog.typing.FilteringBoundLogger:
    """Have this process write its log there, whoever writes it; gives the logger to write with.

    A line is a JSON object: ``timestamp`` (RFC 3339, UTC), ``level`` (``INFO``, ``WARNING``, ``ERROR``, ``CRITICAL``),
    ``event``, and fields. What code says inside of a step has ``run_id``, ``step_path`` and ``tenant_id``.
    """
    line = _Line(mask or Mask(), clock or SystemClock())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *args: _Lines(sinks),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _Handler):
            root.removeHandler(handler)
    root.addHandler(_Handler(sinks, line))
    root.setLevel(max(level, logging.INFO))
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


class _Lines:
    """What structlog hands finished lines to."""

    def __init__(self, sinks: Sinks) -> None:
        self._write = sinks.write

    def msg(self, line: str) -> None:
        self._write(line)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


class _Line:
    """From an event to its line."""

    def __init__(self, mask: Mask, clock: Clock) -> None:
        self._mask = mask
        self._clock = clock

    def __call__(self, logger: object, name: str, event: MutableMapping[str, Any]) -> str:
        level = str(event.pop("level", None) or _LEVELS.get(name) or name.upper())
        return self.of(level, str(event.pop("event", "")), event)

    def of(self, level: str, event: str, fields: Mapping[str, Any]) -> str:
        record: dict[str, Any] = {
            "timestamp": rfc3339(self._clock.now()),
            "level": level,
            "event": self._mask.text(event),
        }
        step = running_step()
        if step is not None:
            record |= {
                "run_id": step.run_id,
                "step_path": step.step_path,
                "tenant_id": step.tenant_id,
            }
        masked = self._mask.value(fields)
        record |= {name: value for name, value in masked.items() if name not in _FIRST}
        return json.dumps(record, default=str)


class _Handler(logging.Handler):
    """The standard library's logging."""

    def __init__(self, sinks: Sinks, line: _Line) -> None:
        super().__init__()
        self._sinks = sinks
        self._line = line
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            fields["exception"] = self._formatter.formatException(record.exc_info)
        try:
            event = record.getMessage()
        except (TypeError, ValueError):
            event = str(record.msg)
        self._sinks.write(self._line.of(record.levelname, event, fields))

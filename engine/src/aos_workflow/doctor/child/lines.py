"""Line events of the user's code, in every thread: what all traces are built on."""

from __future__ import annotations

import sys
import threading
from types import CodeType, FrameType
from typing import Any

from aos_workflow.doctor.child.run import Run

__all__ = ["Lines", "Tracer"]

MAX_EVENTS = 60_000


class Tracer:
    """Nothing is traced."""

    def begin(self, position: int) -> None:
        """A call begins."""

    def end(self) -> None:
        """A call has ended."""

    def result(self) -> Any:
        """What was found, as JSON data."""
        return None


class Lines(Tracer):
    """Line events of user code, in every thread: by ``sys.monitoring`` where there is one."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.events = 0
        self.source: _Settrace | _Monitoring = (
            _Monitoring(self) if sys.version_info >= (3, 12) else _Settrace(self)
        )

    def begin(self, position: int) -> None:
        self.source.begin()

    def end(self) -> None:
        self.source.end()

    def follow(self, frame: FrameType, event: str, arg: Any) -> None:
        """An event in a user's frame; after too many of them nothing is followed any more."""
        if self.events < MAX_EVENTS:
            self.events += 1
            self.line(frame, event, arg)

    def line(self, frame: FrameType, event: str, arg: Any) -> None:
        """What to do at an event: ``call``, ``line`` or ``return``."""


class _Settrace:
    """Events by ``sys.settrace``."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.files = lines.run.files

    def begin(self) -> None:
        threading.settrace(self.called)
        sys.settrace(self.called)

    def end(self) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def called(self, frame: FrameType, event: str, arg: Any) -> Any:
        """Follow the user's frames only."""
        if frame.f_code.co_filename not in self.files:
            return None
        self.lines.line(frame, event, arg)
        return self.local

    def local(self, frame: FrameType, event: str, arg: Any) -> Any:
        """An event inside a user's frame."""
        self.lines.follow(frame, event, arg)
        return self.local


class _Monitoring:
    """Events by ``sys.monitoring``: code of others costs nothing after its first event."""

    TOOL = 4

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.files = lines.run.files
        self.on: Any = getattr(sys, "monitoring", None)

    def begin(self) -> None:
        on, events = self.on, self.on.events
        if on.get_tool(self.TOOL) is None:
            on.use_tool_id(self.TOOL, "aos-doctor")
        for event, callback in (
            (events.PY_START, self._call), (events.PY_RESUME, self._call), (events.LINE, self._line),
            (events.PY_RETURN, self._return), (events.PY_YIELD, self._return), (events.PY_UNWIND, self._unwind),
        ):  # fmt: skip
            on.register_callback(self.TOOL, event, callback)
        on.set_events(
            self.TOOL,
            events.PY_START | events.PY_RESUME | events.LINE | events.PY_RETURN | events.PY_YIELD
            | events.PY_UNWIND,
        )  # fmt: skip

    def end(self) -> None:
        self.on.set_events(self.TOOL, 0)

    def _call(self, code: CodeType, offset: int) -> Any:
        if code.co_filename not in self.files:
            return self.on.DISABLE
        self.lines.line(sys._getframe(1), "call", None)
        return None

    def _line(self, code: CodeType, number: int) -> Any:
        if code.co_filename not in self.files:
            return self.on.DISABLE
        self.lines.follow(sys._getframe(1), "line", None)
        return None

    def _return(self, code: CodeType, offset: int, value: Any) -> Any:
        if code.co_filename not in self.files:
            return self.on.DISABLE
        self.lines.follow(sys._getframe(1), "return", value)
        return None

    def _unwind(self, code: CodeType, offset: int, error: BaseException) -> Any:
        if code.co_filename in self.files:  # this one cannot be switched off for one code
            self.lines.follow(sys._getframe(1), "return", None)

"""Line events of the user's code, in every thread: what all traces are built on."""

from __future__ import annotations

import sys
import threading
from types import FrameType
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
    """Line events of user code, in every thread."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.events = 0

    def begin(self, position: int) -> None:
        threading.settrace(self.trace)
        sys.settrace(self.trace)

    def end(self) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        """Follow the user's frames only."""
        if frame.f_code.co_filename not in self.run.files:
            return None
        self.line(frame, event, arg)
        return self.local

    def local(self, frame: FrameType, event: str, arg: Any) -> Any:
        """An event inside a user's frame."""
        if self.events < MAX_EVENTS:
            self.events += 1
            self.line(frame, event, arg)
        return self.local

    def line(self, frame: FrameType, event: str, arg: Any) -> None:
        """What to do at an event."""

"""One call of the examined function: which sites it hit, which of them are thawed, and what a frozen source answers.

Every source asks :meth:`Run.visit` where it was read. The answer says whether the source is *thawed* there; if
it is not,
it answers from a stream that only depends on the axis, the line, the lane and how often it was read there. So what a
source gives at one line never depends on what happens at another.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

__all__ = ["LANE", "Hit", "Reading", "Run", "Thaw", "current", "draw"]

LANE: ContextVar[str] = ContextVar("lane", default="0")
"""Which thread, task or work item runs, by its place in the tree of who started whom: ``0``, ``0.2``, ``0.2.1``."""

CONTROL = "control"
MAX_CHAIN = 12
MAX_VALUES = 6
SiteKey = tuple[str, str, int]
"""Axis, file and line."""


@dataclass(slots=True)
class Hit:
    """A line at which a source of one axis was read."""

    function: str
    name: str
    chain: tuple[tuple[str, int, str], ...]
    imported: bool
    count: int = 0
    last: int = 0
    values: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Thaw:
    """An axis that is let go: its variant, and the lines where it is not (``frozen``) or only where it is
    (``only``).
    """

    variant: Any
    frozen: frozenset[tuple[str, int]] = frozenset()
    only: frozenset[tuple[str, int]] | None = None

    def at(self, place: tuple[str, int]) -> bool:
        """Whether the source is let go at this line."""
        if self.only is not None:
            return place in self.only
        return place not in self.frozen


@dataclass(slots=True)
class Reading:
    """One read of a source."""

    run: Run
    axis: str
    place: tuple[str, int]
    lane: str
    index: int
    thaw: Thaw | None
    hit: Hit

    @property
    def variant(self) -> Any:
        """What to do differently here, or ``None`` where the source is frozen."""
        return self.thaw.variant if self.thaw is not None else None

    def stream(self) -> random.Random:
        """A generator for this very read; another one where the source is thawed."""
        key = CONTROL if self.thaw is None else f"{self.variant}"
        return draw(f"{key}|{self.axis}|{self.place[1]}|{self.lane}|{self.index}")

    def note(self, value: object) -> None:
        """Remember what was answered, to be found again in the output."""
        if len(self.hit.values) < MAX_VALUES:
            self.hit.values.append(str(value)[:80])


class Run:
    """State of the process while it examines one function."""

    def __init__(self) -> None:
        self.sources: Any = None
        self.place = ""
        self.files: set[str] = set()
        self.thaws: dict[str, Thaw] = {}
        self.hits: dict[SiteKey, Hit] = {}
        self.limits: set[str] = set()
        self.counts: dict[Any, int] = {}
        self.children: dict[str, int] = {}
        self.resets: list[Any] = []
        self.roots: list[Any] = []
        """Where libraries keep state, as their hooks say."""
        self.field_lines: dict[tuple[str, str], dict[str, int]] = {}
        self.seedings: list[str] = []
        self.importing = 0
        self.loops = 0
        self.given: set[str] = set()
        """Numbers that stand for addresses."""
        self.active = False
        self.clock_reads: dict[str, int] = {}
        self.sequence = 0

    def begin(self) -> None:
        """Start one call: every stream from its beginning."""
        self.counts.clear()
        self.children.clear()
        self.clock_reads.clear()
        self.seedings = []
        LANE.set("0")
        for reset in self.resets:
            reset()

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """While something is done that is not the user's doing."""
        before, self.active = self.active, False
        try:
            yield
        finally:
            self.active = before

    def note_seed(self, seed: object) -> None:
        """Remember a seed that the user's code gave to a generator."""
        if seed is not None and self.active and not self.importing and self.user_frame(2):
            self.seedings.append(str(seed)[:80])

    def user_frame(self, depth: int = 1) -> FrameType | None:
        """The innermost frame of the user's own code."""
        frame: FrameType | None = sys._getframe(depth)
        files = self.files
        while frame is not None and frame.f_code.co_filename not in files:
            frame = frame.f_back
        return frame

    def visit(self, axis: str, name: str, depth: int = 2, *, count: bool = True) -> Reading | None:
        """This read, or ``None`` if no code of the user is behind it."""
        if not self.active:
            return None
        frame: FrameType | None = sys._getframe(depth)
        files = self.files
        generated: FrameType | None = None
        while frame is not None and frame.f_code.co_filename not in files:
            if frame.f_code.co_filename == "<string>" and frame.f_code.co_name == "__init__":
                generated = frame
            frame = frame.f_back
        if frame is None:
            place, function = self.spawned()
            if place is None:
                return None
        else:
            place, function = (frame.f_code.co_filename, frame.f_lineno), frame.f_code.co_qualname
        if generated is not None:
            place, function = self._field(generated, name, place, function)
        return self._reading(axis, name, place, function, frame, count)

    def _reading(
        self,
        axis: str,
        name: str,
        place: tuple[str, int],
        function: str,
        frame: FrameType | None,
        count: bool,
    ) -> Reading:
        key = (axis, *place)
        hit = self.hits.get(key)
        if hit is None:
            hit = self.hits[key] = Hit(function, name, self.chain(frame), self.importing > 0)
        hit.count += 1
        self.sequence += 1
        hit.last = self.sequence
        thaw = self.thaws.get(axis)
        if thaw is not None and not thaw.at(place):
            thaw = None
        lane = LANE.get()
        index = 0
        if count:
            counted = (axis, place, lane)
            index = self.counts[counted] = self.counts.get(counted, 0) + 1
        return Reading(self, axis, place, lane, index, thaw, hit)

    def spawned(self) -> tuple[Any, str]:
        """Where the thread or work item that runs was started, if no code of the user is on the stack."""
        origin = SPAWNED.get()
        return (origin[:2], origin[2]) if origin else (None, "")

    def chain(self, frame: FrameType | None) -> tuple[tuple[str, int, str], ...]:
        """The calls in the user's code that led here, innermost first."""
        found: list[tuple[str, int, str]] = []
        while frame is not None and len(found) < MAX_CHAIN:
            code: CodeType = frame.f_code
            if code.co_filename in self.files:
                found.append((code.co_filename, frame.f_lineno, code.co_qualname))
            frame = frame.f_back
        return tuple(found)

    def _field(
        self, frame: FrameType, name: str, place: tuple[str, int], function: str
    ) -> tuple[tuple[str, int], str]:
        """The field whose ``default_factory`` a generated ``__init__`` calls, if the class says which."""
        owner = type(next(iter(frame.f_locals.values()), None))
        for base in owner.__mro__:
            module = sys.modules.get(base.__module__)
            file = getattr(module, "__file__", None) or ""
            lines = self.field_lines.get((file, base.__qualname__), {})
            for factory, line in lines.items():
                if factory.rpartition(".")[2] == name.rpartition(".")[2]:
                    return (file, line), base.__qualname__
        return place, function


SPAWNED: ContextVar[tuple[str, int, str] | None] = ContextVar("spawned", default=None)


def draw(text: str) -> random.Random:
    """A generator that only the text decides."""
    return _Random(text)


_Random = random.Random

_run = Run()


def current() -> Run:
    """The state of this process."""
    return _run

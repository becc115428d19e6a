"""Traces of the user's lines, for what no source explains.

``writes``: who wrote to which shared object, in which order. ``lines``: which lines ran and what they changed,
for the first
divergence of two runs; ``last`` of the last call alone. ``roots``: after which line a root's content was another.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Any

from aos_workflow.doctor.child.digest import digest
from aos_workflow.doctor.child.lines import Lines, Tracer
from aos_workflow.doctor.child.roots import all_roots
from aos_workflow.doctor.child.run import LANE, Run
from aos_workflow.doctor.child.writes import Writes

__all__ = ["start"]

MAX_DIGESTS = 4_000
MAX_ELEMENTS = 12
Place = tuple[str, int]


def start(wish: dict[str, Any] | None, run: Run) -> Tracer:
    """The tracer that a job asks for."""
    if not wish:
        return Tracer()
    kinds: dict[str, Callable[[], Lines]] = {
        "writes": lambda: Writes(run),
        "lines": lambda: _Divergence(run),
        "last": lambda: _LastCall(run),
        "addresses": lambda: _Addresses(run),
        "roots": lambda: _RootWatch(run, wish["roots"]),
    }
    return kinds[wish["mode"]]()


class _Divergence(Lines):
    """Lines with a digest of the locals that changed since the last line of the frame."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.log: list[tuple[str, int, int, str]] = []
        self.locals: dict[int, dict[str, str]] = {}

    def line(self, frame: FrameType, event: str, arg: Any) -> None:
        if event not in ("line", "return"):
            return
        before = self.locals.setdefault(id(frame), {})
        changed: list[str] = []
        for name, value in frame.f_locals.items():
            text = _brief(value)
            if before.get(name) != text:
                before[name] = text
                changed.append(f"{name}={text}")
        if event == "return":
            self.locals.pop(id(frame), None)
            self.log.append(
                (frame.f_code.co_filename, frame.f_lineno, hash_text("|".join(changed)), LANE.get())
            )
            changed = [_brief(arg)]
        digest = hash_text("|".join(changed)) if changed else 0
        self.log.append((frame.f_code.co_filename, frame.f_lineno, digest, LANE.get()))

    def result(self) -> Any:
        return self.log


class _LastCall(_Divergence):
    """The same, of the last call alone."""

    def begin(self, position: int) -> None:
        self.log.clear()
        self.locals.clear()
        super().begin(position)


def _brief(value: Any) -> str:
    from aos_workflow.doctor.child.elements import stable_text

    kind = type(value)
    if kind in (int, float, str, bool, bytes, type(None)):
        return repr(value)[:200]
    if kind in (list, tuple, dict, set, frozenset) and len(value) > MAX_ELEMENTS:
        return f"{kind.__name__}{len(value)}"
    try:
        return stable_text(value)[:400]
    except Exception:  # noqa: BLE001 - objects of any class
        return kind.__name__


def hash_text(text: str) -> int:
    """A number for a text that every process gives alike."""
    import zlib

    return zlib.crc32(text.encode("utf-8", "replace"))


class _RootWatch(Lines):
    """The lines after which a root was another."""

    def __init__(self, run: Run, names: list[str]) -> None:
        super().__init__(run)
        self.names = names
        self.last: dict[int, Place] = {}
        self.digests: dict[str, str] = {}
        self.found: list[dict[str, list[tuple[str, int, str]]]] = []
        self.roots: dict[str, Any] = {}
        self.previous: tuple[str, int, str] | None = None
        self.checks = 0

    def begin(self, position: int) -> None:
        self.previous = None
        self.found.append({})
        if position > 0:
            super().begin(position)
            return
        self._find()
        super().begin(position)

    def _find(self) -> list[str]:
        """Find the roots that are watched and exist by now; the names of those that are new."""
        missing = [name for name in self.names if name not in self.roots]
        if not missing:
            return []
        every = {root.name: root for root in all_roots(self.run.sources)}
        new = [name for name in missing if name in every]
        for name in new:
            self.roots[name] = every[name]
            self.digests[name] = digest(every[name].read())
        return new

    def line(self, frame: FrameType, event: str, arg: Any) -> None:
        self.check()
        code = frame.f_code
        if event == "return":
            back = frame.f_back
            while back is not None and back.f_code.co_filename not in self.run.files:
                back = back.f_back
            if back is not None:
                code, self.previous = (
                    back.f_code,
                    (back.f_code.co_filename, back.f_lineno, back.f_code.co_qualname),
                )
            return
        self.previous = (code.co_filename, frame.f_lineno, code.co_qualname)

    def check(self) -> None:
        """Blame the line that ran last for every root that is another now."""
        if self.checks > MAX_DIGESTS:
            return
        self.checks += 1
        self.run.active = False
        if self.previous is None:  # what changed before the user's first line is nobody's doing
            self._changed()
            self.run.active = True
            return
        for name in [*self._find(), *self._changed()]:
            places = self.found[-1].setdefault(name, [])
            if self.previous not in places:
                places.append(self.previous)
        self.run.active = True

    def _changed(self) -> list[str]:
        changed = []
        for name, root in self.roots.items():
            now = digest(root.read())
            if now != self.digests[name]:
                self.digests[name] = now
                changed.append(name)
        return changed

    def end(self) -> None:
        super().end()
        self.check()

    def result(self) -> Any:
        return self.found


class _Addresses(Lines):
    """The first line after which a text holds an address."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.previous: Place | None = None
        self.found: Place | None = None

    def line(self, frame: FrameType, event: str, arg: Any) -> None:
        here = (frame.f_code.co_filename, frame.f_lineno)
        if self.found is None and event in ("line", "return"):
            if event == "return" and _holds_address(arg):
                self.found = here
            elif any(_holds_address(value) for value in list(frame.f_locals.values())):
                self.found = self.previous or here
        self.previous = here

    def result(self) -> Any:
        return self.found


def _holds_address(value: Any, depth: int = 3) -> bool:
    if isinstance(value, str):
        return " at 0x" in value
    if depth and isinstance(value, list | tuple):
        return any(_holds_address(item, depth - 1) for item in value[:50])
    if depth and isinstance(value, dict):
        return any(_holds_address(item, depth - 1) for item in list(value.values())[:50])
    return False

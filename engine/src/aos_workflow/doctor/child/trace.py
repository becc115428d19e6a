"""Traces of the user's lines, for what no source explains.

``writes``: who wrote to which shared object, in which order. ``lines``: which lines ran and what they changed,
for the first
divergence of two runs. ``roots``: after which line a root's content was another.
"""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from aos_workflow.doctor.child.run import LANE, Run

__all__ = ["start"]

MAX_EVENTS = 60_000
MAX_DIGESTS = 4_000
MAX_ELEMENTS = 12
MUTATORS = frozenset(
    [
        "append",
        "add",
        "extend",
        "insert",
        "remove",
        "discard",
        "pop",
        "popleft",
        "appendleft",
        "update",
        "setdefault",
        "clear",
        "put",
        "put_nowait",
        "write",
        "writelines",
        "set",
        "sort",
        "reverse",
        "push",
        "notify",
        "send",
        "get",
        "get_nowait",
        "set_result",
        "move_to_end",
        "popitem",
        "release",
        "acquire",
        "info",
        "debug",
        "warning",
        "error",
        "log",
    ]
)
Place = tuple[str, int]


class Tracer:
    """Nothing is traced."""

    def begin(self, position: int) -> None:
        """A call begins."""

    def end(self) -> None:
        """A call has ended."""

    def result(self) -> Any:
        """What was found, as JSON data."""
        return None


def start(wish: dict[str, Any] | None, run: Run) -> Tracer:
    """The tracer that a job asks for."""
    if not wish:
        return Tracer()
    kinds: dict[str, Callable[[], _Lines]] = {
        "writes": lambda: _Writes(run),
        "lines": lambda: _Divergence(run),
        "addresses": lambda: _Addresses(run),
        "roots": lambda: _RootWatch(run, wish["roots"]),
    }
    return kinds[wish["mode"]]()


class _Lines(Tracer):
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


class _Writes(_Lines):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.bases: dict[str, dict[int, list[tuple[str, CodeType | None]]]] = {}
        self.log: list[tuple[str, int, str, int, str]] = []
        self.objects: dict[int, int] = {}
        self.kept: list[Any] = []

    def line(self, frame: FrameType, event: str, arg: Any) -> None:
        if event != "line":
            return
        file = frame.f_code.co_filename
        known = self.bases.get(file)
        if known is None:
            known = self.bases[file] = _writes_of(file)
        for text, code in known.get(frame.f_lineno, ()):
            found = _evaluated(code, frame)
            if found is not None:
                self.log.append((file, frame.f_lineno, LANE.get(), self._number(found), text))

    def _number(self, found: Any) -> int:
        number = self.objects.get(id(found))
        if number is None:
            number = self.objects[id(found)] = len(self.objects)
            self.kept.append(found)
        return number

    def result(self) -> Any:
        kinds = {number: type(x).__name__ for number, x in enumerate(self.kept)}
        return [(*entry, kinds[entry[3]]) for entry in self.log]


def _evaluated(code: CodeType | None, frame: FrameType) -> Any:
    if code is None:
        return frame.f_globals
    try:
        return eval(code, frame.f_globals, frame.f_locals)  # noqa: S307 - names and attributes only
    except Exception:  # noqa: BLE001 - not yet assigned
        return None


def _writes_of(file: str) -> dict[int, list[tuple[str, CodeType | None]]]:
    with open(file, "rb") as stream:
        tree = ast.parse(stream.read())
    found: dict[int, list[tuple[str, CodeType | None]]] = {}
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = list(node.targets)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in MUTATORS:
                _add(found, node, node.func.value, f".{node.func.attr}")
        elif isinstance(node, ast.Global | ast.Nonlocal):
            continue
        for target in targets:
            if isinstance(target, ast.Attribute | ast.Subscript):
                _add(found, node, target.value, "=")
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            _shared_names(function, found)
    return found


def _shared_names(function: ast.AST, found: dict[int, list[tuple[str, CodeType | None]]]) -> None:
    shared: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal):
            shared.update(node.names)
    for node in ast.walk(function):
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AugAssign) else targets
        for target in targets:
            if isinstance(target, ast.Name) and target.id in shared:
                found.setdefault(target.lineno, []).append((f"global {target.id}", None))


def _add(
    found: dict[int, list[tuple[str, CodeType | None]]], node: Any, base: ast.expr, text: str
) -> None:
    while isinstance(base, ast.Subscript):
        base = base.value
    if isinstance(base, ast.Call) or not _simple(base):
        return
    code = compile(ast.fix_missing_locations(ast.Expression(base)), "<base>", "eval")
    found.setdefault(node.lineno, []).append((ast.unparse(base) + text, code))


def _simple(base: ast.expr) -> bool:
    while isinstance(base, ast.Attribute):
        base = base.value
    return isinstance(base, ast.Name)


class _Divergence(_Lines):
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


class _RootWatch(_Lines):
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
        from aos_workflow.doctor.child import state

        every = {root.name: root for root in state.all_roots(self.run.sources)}
        self.roots = {name: every[name] for name in self.names if name in every}
        self.digests = {name: state.digest(root.read()) for name, root in self.roots.items()}
        super().begin(position)

    def line(self, frame: FrameType, event: str, arg: Any) -> None:
        self.check()
        code = frame.f_code
        if event == "return":
            caller = self.run.user_frame(4)
            back = frame.f_back
            while back is not None and back.f_code.co_filename not in self.run.files:
                back = back.f_back
            if back is not None and caller is not None:
                code, self.previous = (
                    back.f_code,
                    (back.f_code.co_filename, back.f_lineno, back.f_code.co_qualname),
                )
            return
        self.previous = (code.co_filename, frame.f_lineno, code.co_qualname)

    def check(self) -> None:
        """Blame the line that ran last for every root that is another now."""
        from aos_workflow.doctor.child import state

        if self.previous is None or self.checks > MAX_DIGESTS:
            return
        self.checks += 1
        self.run.active = False
        for name, root in self.roots.items():
            now = state.digest(root.read())
            if now != self.digests[name]:
                self.digests[name] = now
                places = self.found[-1].setdefault(name, [])
                if self.previous not in places:
                    places.append(self.previous)
        self.run.active = True

    def end(self) -> None:
        super().end()
        self.check()

    def result(self) -> Any:
        return self.found


class _Addresses(_Lines):
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

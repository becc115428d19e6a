"""Who wrote to which shared object, in which order."""

from __future__ import annotations

import ast
from types import CodeType, FrameType
from typing import Any

from aos_workflow.doctor.child.lines import Lines
from aos_workflow.doctor.child.run import LANE, Run

__all__ = ["Writes"]

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


class Writes(Lines):
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
        for base, operation in _written(node):
            _add(found, node, base, operation)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            _shared_names(function, found)
    return found


def _written(node: ast.AST) -> list[tuple[ast.expr, str]]:
    """What a node writes to, and how."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = list(node.targets)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Call):
        return _called(node)
    return [(t.value, "=") for t in targets if isinstance(t, ast.Attribute | ast.Subscript)]


def _called(node: ast.Call) -> list[tuple[ast.expr, str]]:
    if isinstance(node.func, ast.Attribute):
        known = node.func.attr in MUTATORS
        return [(node.func.value, f".{node.func.attr}")] if known else []
    takes = isinstance(node.func, ast.Name) and node.func.id == "next" and node.args
    return [(node.args[0], ".pop")] if takes else []


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

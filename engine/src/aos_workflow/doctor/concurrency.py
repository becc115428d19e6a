"""Which line turns the order of threads or tasks into data."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aos_workflow.doctor.difference import Difference

__all__ = ["Writer", "diverging_line", "shared_writes", "writers"]

Entry = tuple[str, int, str, int, str, str]
"""File, line, lane, number of the object, text of the write, type of the object."""


@dataclass(frozen=True, slots=True)
class Writer:
    """A line that writes what several threads or tasks share, in another order when they run in another."""

    file: str
    line: int
    text: str
    score: float


def writers(
    control: Sequence[Any], others: Sequence[Sequence[Any]], found: Sequence[Difference]
) -> list[Writer]:
    """The lines whose order of writers changed, most telling first."""
    words = {word for d in found for word in _words(d.path)}
    candidates: dict[tuple[str, int, str], Writer] = {}
    before = _sequences(control)
    for log in others:
        after = _sequences(log)
        for key in before.keys() | after.keys():
            if before.get(key) == after.get(key):
                continue
            shared = _shared(control, key) or _shared(log, key)
            file, line, text = key
            score = _score(text, shared, words, _kinds(log, key) | _kinds(control, key))
            if key not in candidates or candidates[key].score < score:
                candidates[key] = Writer(file, line, text, score)
    return sorted(candidates.values(), key=lambda w: (-w.score, w.file, w.line))


def shared_writes(log: Sequence[Any]) -> list[Writer]:
    """The lines that write what several lanes write, most telling first."""
    keys = {(file, line, text) for file, line, _, _, text, _ in log}
    found = [
        Writer(*key, _score(key[2], True, set(), _kinds(log, key)))
        for key in keys
        if _shared(log, key)
    ]
    return sorted(found, key=lambda w: (-w.score, w.file, w.line))


def _sequences(log: Sequence[Any]) -> dict[tuple[str, int, str], list[str]]:
    found: dict[tuple[str, int, str], list[str]] = {}
    for file, line, lane, _, text, _ in log:
        found.setdefault((file, line, text), []).append(lane)
    return found


def _shared(log: Sequence[Any], key: tuple[str, int, str]) -> bool:
    """Whether several lanes wrote one and the same object that this line writes."""
    lanes: dict[int, set[str]] = {}
    mine: set[int] = set()
    for file, line, lane, number, text, _ in log:
        lanes.setdefault(number, set()).add(lane)
        if (file, line, text) == key:
            mine.add(number)
    return any(len(lanes[number]) > 1 for number in mine)


def _kinds(log: Sequence[Any], key: tuple[str, int, str]) -> set[str]:
    return {kind for file, line, _, _, text, kind in log if (file, line, text) == key}


def _score(text: str, shared: bool, words: set[str], kinds: set[str]) -> float:
    base, _, operation = text.rpartition(".") if not text.endswith("=") else (text[:-1], "", "=")
    score = 2.0 if shared else 0.0
    if operation in (
        "append",
        "put",
        "put_nowait",
        "extend",
        "insert",
        "appendleft",
        "write",
        "setdefault",
    ):
        score += 2
    elif (
        operation == "=" and not kinds & {"dict", "list", "defaultdict", "OrderedDict"}
    ) or text.startswith("global"):
        score += 1.5
    elif operation in ("get", "get_nowait", "pop", "popleft", "popitem"):
        score += 1.8
    elif operation in (
        "acquire",
        "release",
        "info",
        "debug",
        "warning",
        "error",
        "log",
        "set",
        "send",
        "notify",
    ):
        score -= 2
    if set(base.replace("self.", "").replace("_", " ").replace(".", " ").split()) & words:
        score += 2
    return score


def _words(path: str) -> set[str]:
    return {
        w
        for part in path.replace("[", ".").split(".")
        for w in (part, *part.split("_"))
        if w.isidentifier()
    }


def diverging_line(control: Sequence[Any], other: Sequence[Any]) -> tuple[str, int] | None:
    """The line after which two traces are no longer alike: of the main lane, else of the first that differs."""
    left, right = _lanes(control), _lanes(other)
    for lane in sorted(left.keys() & right.keys(), key=lambda name: (name.count("."), name)):
        a, b = left[lane], right[lane]
        for index in range(min(len(a), len(b))):
            if a[index] != b[index]:
                at = max(0, index - 1)
                return a[at][0], a[at][1]
    return None


def _lanes(log: Sequence[Any]) -> dict[str, list[tuple[str, int, int]]]:
    found: dict[str, list[tuple[str, int, int]]] = {}
    for file, line, digest, lane in log:
        found.setdefault(lane, []).append((file, line, digest))
    return found


def function_at(file: str, line: int) -> str:
    """The qualified name of the function a line is in."""
    try:
        with open(file, "rb") as stream:
            tree = ast.parse(stream.read())
    except (OSError, SyntaxError):
        return ""
    return _innermost(tree, line, []) or "<module>"


def _innermost(node: ast.AST, line: int, names: list[str]) -> str:
    best = ".".join(names)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([child.lineno, *(d.lineno for d in child.decorator_list)])
            if first <= line <= (child.end_lineno or first):
                return _innermost(child, line, [*names, child.name])
        elif getattr(child, "lineno", line) <= line <= (getattr(child, "end_lineno", line) or line):
            inner = _innermost(child, line, names)
            best = inner if len(inner) > len(best) else best
    return best

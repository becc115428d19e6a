"""A runbook page as what is to be done: procedures, their steps, commands and what they should say.

A heading begins a procedure. In it, every fenced block and every row of a table with the columns ``Step``, ``Command``
and ``Expected`` is a step::

    <!-- drill:                      commands that bring about what the step is for; hidden from readers
    aos-workflow start drill --run drill-1
    -->
    ```console
    $ aos-workflow inspect --run drill-1
    completed                        must stand in the output, in this order
    ```

``console exit=1`` says how the last command ends. ``sql`` runs in psql, ``promql`` asks Prometheus, ``python`` is a
script; ``<!-- expect: WORDS -->`` before such a block says what its output has. ``<!-- by hand: REASON -->`` leaves a
block alone. Blocks of other languages are not run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from aos_workflow.errors import UsageError

__all__ = ["Command", "Procedure", "Runbook", "Step", "read_page"]


@dataclass(frozen=True, slots=True)
class Command:
    """``text`` is for a shell; each of ``expected`` must stand in a line of the output, in this order."""

    text: str
    expected: tuple[str, ...] = ()
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One block or row. ``shown`` is what the page says; ``by_hand`` is why it is not run, if it is not.

    ``drill`` is run before it; that of a procedure's first step is the procedure's.
    """

    title: str
    line: int
    shown: str
    commands: tuple[Command, ...]
    by_hand: str | None = None
    number: str = ""
    drill: str = ""


@dataclass(frozen=True, slots=True)
class Procedure:
    """The steps below one heading. ``drill`` is run before them, and must succeed."""

    title: str
    line: int
    drill: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Runbook:
    """A page."""

    file: Path
    title: str
    procedures: tuple[Procedure, ...]


@dataclass
class _Draft:
    title: str
    line: int
    drills: list[str] = field(default_factory=list)
    """Those that have no step yet."""
    drill: str = ""
    steps: list[Step] = field(default_factory=list)

    def add(self, step: Step) -> None:
        """The next step, with what has to be brought about before it."""
        drill, self.drills = "\n".join(self.drills), []
        if self.steps:
            step = replace(step, drill=drill)
        else:
            self.drill = drill
        self.steps.append(step)

    def done(self) -> Procedure:
        return Procedure(self.title, self.line, self.drill, tuple(self.steps))


_HEADING = re.compile(r"^(#+) (.+?)\s*$")
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[a-z]*)(?P<rest>.*)$")
_EXIT = re.compile(r"exit=(\d+)")
_COMMENT = re.compile(r"^ *<!-- (?P<word>[a-z ]+):\s*(?P<text>.*?)\s*-->$", re.DOTALL)
_RULE = re.compile(r"^\|(?:\s*:?-+:?\s*\|)+$")
_TICKED = re.compile(r"`([^`]+)`")
_MAX_LINES = 100_000


def read_page(path: Path) -> Runbook:
    """What a page says is to be done.

    Raises:
        UsageError: it cannot be read, or a fence or comment is not closed.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the page {path} cannot be read: {error}") from None
    drafts: list[_Draft] = []
    said: dict[str, str] = {}
    at = 0
    while at < min(len(lines), _MAX_LINES):
        line = lines[at]
        end = at + 1
        if heading := _HEADING.match(line):
            drafts.append(_Draft(heading[2], at + 1))
        elif line.lstrip().startswith("<!--"):
            end = _end_of(lines, at, path, "-->", "comment")
            said |= _said("\n".join(each.strip() for each in lines[at:end]))
        elif fence := _FENCE.match(line):
            end = _end_of(lines, at + 1, path, "```", "fence")
            _add_block(drafts, fence, lines[at + 1 : end - 1], at + 1, said)
            said = {}
        elif line.startswith("|") and drafts:
            end = next(
                (n for n in range(at, len(lines)) if not lines[n].startswith("|")), len(lines)
            )
            for step in _rows(lines[at:end], at + 1):
                drafts[-1].add(step)
        if drafts and "drill" in said:
            drafts[-1].drills.append(said.pop("drill"))
        at = end
    title = drafts[0].title if drafts else path.stem
    return Runbook(path, title, tuple(draft.done() for draft in drafts))


def _end_of(lines: list[str], start: int, path: Path, mark: str, what: str) -> int:
    """The line after the one that ends with the mark."""
    for number in range(start, len(lines)):
        if lines[number].rstrip().endswith(mark):
            return number + 1
    raise UsageError(f"{path}:{start + 1}: the {what} is not closed")


def _said(comment: str) -> dict[str, str]:
    found = _COMMENT.match(comment)
    return {found["word"]: found["text"]} if found else {}


def _add_block(
    drafts: list[_Draft], fence: re.Match[str], body: list[str], line: int, said: dict[str, str]
) -> None:
    if not drafts:
        return
    lines = [each.removeprefix(fence["indent"]) for each in body]
    expected = tuple(said["expect"].splitlines()) if "expect" in said else ()
    code = _EXIT.search(fence["rest"])
    commands = _commands(fence["language"], lines, expected, int(code[1]) if code else 0)
    if commands:
        shown = "\n".join(lines)
        drafts[-1].add(Step(drafts[-1].title, line, shown, tuple(commands), said.get("by hand")))


def _commands(
    language: str, lines: list[str], expected: tuple[str, ...], exit_code: int
) -> list[Command]:
    text = "\n".join(lines)
    if language == "console":
        found = list(_console(lines))
        return (
            [*found[:-1], Command(found[-1].text, found[-1].expected, exit_code)] if found else []
        )
    if language == "sql":
        return [
            Command(
                f"psql -X -v ON_ERROR_STOP=1 -v run=\"${{RUN:-}}\" <<'SQL'\n{text}\nSQL", expected
            )
        ]
    if language == "python":
        return [Command(f"python3 - <<'PYTHON'\n{text}\nPYTHON", expected)]
    if language == "promql":
        return [Command(_query(query), ('"status":"success"',)) for query in _queries(lines)]
    return []


def _console(lines: list[str]) -> Iterator[Command]:
    """``$`` begins a command, ``>`` continues it, other lines are what it says."""
    command: list[str] = []
    said: list[str] = []
    for line in lines:
        if line.startswith("$ "):
            if command:
                yield Command("\n".join(command), tuple(said))
            command, said = [line[2:]], []
        elif line.startswith("> ") and command and not said:
            command.append(line[2:])
        elif line.strip():
            said.append(line.strip())
    if command:
        yield Command("\n".join(command), tuple(said))


def _queries(lines: list[str]) -> Iterator[str]:
    """Queries, with an empty line or a comment between two of them."""
    query: list[str] = []
    for line in [*lines, ""]:
        if line.strip() and not line.startswith("#"):
            query.append(line.strip())
        elif query:
            yield " ".join(query)
            query = []


def _query(query: str) -> str:
    asked = shlex.quote(f"query={query}")
    return f"curl -sfG http://localhost:9090/api/v1/query --data-urlencode {asked}"


def _rows(table: list[str], line: int) -> Iterator[Step]:
    """The steps of a table that has them."""
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip())[1:-1]] for row in table]
    names = [name.lower() for name in rows[0]]
    if not {"step", "command", "expected"} <= set(names) or not _RULE.match(table[1]):
        return
    for offset, cells in enumerate(rows[2:], start=2):
        row = dict(zip(names, cells, strict=False))
        texts = [text.replace("\\|", "|") for text in _TICKED.findall(row["command"])]
        expected = tuple(_TICKED.findall(row["expected"]) or [row["expected"]])
        commands = [Command(text) for text in texts[:-1]]
        commands += [Command(texts[-1], expected, int(row.get("exit") or 0))] if texts else []
        by_hand = None if texts else row["command"]
        yield Step(
            row["step"],
            line + offset,
            " ; ".join(texts),
            tuple(commands),
            by_hand,
            row.get("#", ""),
        )

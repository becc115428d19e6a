"""What a command writes: lines and tables for people, or one JSON document."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aos_workflow.errors import AosError

__all__ = ["ClosedPipeError", "Output", "printable"]


class ClosedPipeError(Exception):
    """Who reads our output has stopped reading."""


class Output:
    """Standard output. With ``as_json`` only :meth:`document` writes, otherwise everything else."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def line(self, text: str = "") -> None:
        """A line for people."""
        if not self.as_json:
            _write(printable(text) + "\n")

    def lines(self, texts: Sequence[str], indent: str = "") -> None:
        """Several lines for people."""
        for text in texts:
            self.line(indent + text)

    def error(self, error: AosError, indent: str = "") -> None:
        """An error among other results; the last one of a command goes to standard error instead."""
        self.lines(error_lines(error), indent)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table for people. On a terminal a cell ``ok`` is green, one in capitals red."""
        if self.as_json or not rows:
            return
        cells = [tuple(map(printable, row)) for row in (head, *rows)]
        _write("".join(f"{line.rstrip()}\n" for line in _laid_out(cells)))

    def document(self, data: Mapping[str, Any]) -> None:
        """The one JSON document."""
        if self.as_json:
            _write(json.dumps(data, indent=2) + "\n")

    def data(self, data: bytes) -> None:
        """Bytes as they are; a terminal gets a line end if they have none."""
        if self.as_json:
            return
        end = b"" if data.endswith(b"\n") or not sys.stdout.isatty() else b"\n"
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data + end)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise ClosedPipeError from None


def _laid_out(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table. What no terminal shows is neither coloured nor folded, and needs no rich for it."""
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(map(str.ljust, row, widths)) for row in rows]
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        table.add_column(Text(name), overflow="fold")
    for row in rows[1:]:
        table.add_row(*(Text(cell, _style(cell)) for cell in row))
    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get().splitlines()


def error_lines(error: AosError) -> list[str]:
    """An error as people read it."""
    first, *rest = error.message.splitlines() or [""]
    hint = [f"next: {error.hint}"] if error.hint else []
    return [f"error: {first}", *rest, *hint]


def printable(text: str) -> str:
    """The text without anything that a terminal would obey instead of showing."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _style(cell: str) -> str:
    if cell == "ok":
        return "green"
    return "red" if cell.isupper() and "_" in cell else ""


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise ClosedPipeError from None

"""The fenced blocks of a Markdown page, with what an author says about them.

An author says three things: the language, a ``title="path"`` that names the file the block is, and, in a comment on
the line before the fence, ``<!-- not run: REASON -->`` or, anywhere, ``<!-- plugins: asyncio, xdist -->``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LANGUAGES", "Block", "blocks_of", "plugins_of"]

LANGUAGES = frozenset(
    ("console", "diff", "ini", "json", "jsonl", "python", "pycon", "text", "toml", "yaml")
)
"""Every language that a fence may have. There is none for a command that is shown and not run."""

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[a-z]*)(?P<rest>.*)$")
_TITLE = re.compile(r'title="([^"]+)"')
_EXIT = re.compile(r"exit=(\d+)")
_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*$")
_PLUGINS = re.compile(r"<!-- plugins: ([a-z, ]+) -->")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    text: str
    line: int
    """Of the fence, from 1."""
    title: str | None = None
    exit_code: int = 0
    """What the last command of a ``console`` block ends with: ``exit=N`` behind the language."""
    not_run: str | None = None


def blocks_of(page: Path) -> Iterator[Block]:
    """The blocks of a page in order.

    Raises:
        ValueError: a fence is not closed.
    """
    lines = page.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        if opening is None:
            at += 1
            continue
        indent = opening["indent"]
        try:
            end = lines.index(f"{indent}```", at + 1)
        except ValueError:
            raise ValueError(f"{page}:{at + 1}: the fence is not closed") from None
        body = [line.removeprefix(indent) for line in lines[at + 1 : end]]
        before = lines[at - 1] if at else ""
        title, code = _TITLE.search(opening["rest"]), _EXIT.search(opening["rest"])
        skipped = _NOT_RUN.search(before)
        yield Block(
            language=opening["language"],
            text="".join(f"{line}\n" for line in body),
            line=at + 1,
            title=title[1] if title else None,
            exit_code=int(code[1]) if code else 0,
            not_run=skipped[1] if skipped else None,
        )
        at = end + 1


def plugins_of(page: Path) -> frozenset[str]:
    """The pytest plugins that a page asks for beside ours."""
    found = _PLUGINS.search(page.read_text(encoding="utf-8"))
    return frozenset(name.strip() for name in found[1].split(",")) if found else frozenset()

"""A documentation page, run from top to bottom as a reader would follow it."""

from __future__ import annotations

import configparser
import doctest
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.docs.markdown import LANGUAGES, Block, blocks_of, plugins_of
from tests.docs.matching import matches
from tests.docs.shell import Shell

__all__ = ["ROOT", "PageError", "make_targets", "pages", "run"]

ROOT = Path(__file__).parents[2]
_TOP = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "STYLE.md")
_RUNBOOK = "<!-- runbook -->"
_MAKE = re.compile(r"(?:^\$ |`)make ([a-z][a-z-]*)", re.MULTILINE)


class PageError(AssertionError):
    """A page that does not say what happens, with the line."""


def pages() -> list[Path]:
    """The pages that are run, by path. Runbooks are run by ``aos-workflow runbook verify``, on servers."""
    found = [*(ROOT / name for name in _TOP), *sorted((ROOT / "docs").rglob("*.md"))]
    return [path for path in found if not path.read_text(encoding="utf-8").startswith(_RUNBOOK)]


def make_targets(page: Path) -> set[str]:
    """The targets of the Makefile that a page mentions as ``make target``."""
    return set(_MAKE.findall(page.read_text(encoding="utf-8")))


def run(page: Path, folder: Path) -> None:
    """Follow a page in an empty folder.

    Raises:
        PageError: something else happens than the page says.
    """
    names: dict[str, object] = {}
    with Shell(folder, plugins_of(page)) as shell:
        for block in blocks_of(page):
            where = f"{page.relative_to(ROOT)}:{block.line}"
            if block.language not in LANGUAGES:
                raise PageError(f"{where}: unknown language {block.language!r}")
            if block.not_run is None:
                _follow(block, folder, shell, names, where)


def _follow(block: Block, folder: Path, shell: Shell, names: dict[str, object], where: str) -> None:
    if block.title is not None:
        path = folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    elif block.language == "console":
        _run_console(block, shell, where)
    elif block.language == "python":
        _run_script(block, folder, shell, where)
    elif block.language == "pycon":
        _run_session(block, names, where)
    else:
        _parse(block, where)


def _run_console(block: Block, shell: Shell, where: str) -> None:
    commands = list(_commands(block.text))
    if not commands:
        raise PageError(f"{where}: a console block without a command")
    for number, (command, shown) in enumerate(commands):
        output, code = shell.run(command)
        expected = block.exit_code if number == len(commands) - 1 else 0
        if code != expected or not matches(shown, output):
            raise PageError(
                f"{where}: $ {command}\n--- shown (exit {expected})\n{shown}\n--- happened (exit {code})\n{output}"
            )


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Command and shown output; a line ``> `` continues the command above it."""
    command: list[str] = []
    shown: list[str] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            if command:
                yield "\n".join(command), "\n".join(shown)
            command, shown = [line[2:]], []
        elif line.startswith("> ") and not shown:
            command.append(line[2:])
        else:
            shown.append(line)
    if command:
        yield "\n".join(command), "\n".join(shown)


def _run_script(block: Block, folder: Path, shell: Shell, where: str) -> None:
    path = folder / f".block-{block.line}.py"
    path.write_text(block.text, encoding="utf-8")
    output, code = shell.run(f"PYTHONPATH=. python {shlex.quote(str(path))}")
    path.unlink()
    if code:
        raise PageError(f"{where}: exit code {code}\n{output}")


def _run_session(block: Block, names: dict[str, object], where: str) -> None:
    """One session for the whole page: ``names`` are those that the blocks so far have defined."""
    test = doctest.DocTestParser().get_doctest(block.text, names, where, None, None)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    found: list[str] = []
    runner.run(test, out=found.append, clear_globs=False)
    names.update(test.globs)
    if found:
        raise PageError(f"{where}: {''.join(found)}")


def _parse(block: Block, where: str) -> None:
    try:
        if block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "ini":
            configparser.ConfigParser().read_string(block.text)
        elif block.language == "json" and "..." not in block.text:
            json.loads(block.text)
    except (ValueError, configparser.Error) as error:
        raise PageError(f"{where}: not {block.language}: {error}") from None

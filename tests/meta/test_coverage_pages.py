"""What the pages name as proof exists: tests and procedures; and no line of the older runbooks is left out."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from tests.meta.repository import ROOT

from aos_workflow.recovery import read_page

OPERATE = ROOT / "docs" / "operate"
COVERAGE = OPERATE / "coverage.md"
PAGES = (COVERAGE, ROOT / "docs" / "reference" / "determinism-and-replay.md")
ROWS = [f"S0-{n:03d}" for n in range(1, 107)] + [f"S1-{n:02d}" for n in range(1, 86)]
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_PROCEDURE = re.compile(r"\]\(([\w-]+\.md)#([\w-]+)\)")


@cache
def functions(file: Path) -> frozenset[str]:
    """The names of the tests in a file, in classes too."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


@cache
def procedures(page: str) -> frozenset[str]:
    """The anchors of a page's headings."""
    titles = [procedure.title for procedure in read_page(OPERATE / page).procedures]
    return frozenset(re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles)


def rows() -> dict[str, str]:
    lines = COVERAGE.read_text(encoding="utf-8").splitlines()
    found = [line for line in lines if re.match(r"\| S[01]-\d+ \|", line)]
    return {line.split(" | ")[0].removeprefix("| "): line for line in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_test_exists(page: Path) -> None:
    named = _TEST.findall(page.read_text(encoding="utf-8"))
    assert named
    gone = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).is_file() or name not in functions(ROOT / file)
    ]
    assert not gone


def test_every_line_of_the_older_runbooks_has_a_proof() -> None:
    found = rows()
    assert list(found) == ROWS
    bare = [
        name for name, line in found.items() if not (_TEST.search(line) or _PROCEDURE.search(line))
    ]
    assert not bare


def test_every_named_procedure_exists() -> None:
    named = {pair for line in rows().values() for pair in _PROCEDURE.findall(line)}
    assert {(page, anchor) for page, anchor in named if anchor not in procedures(page)} == set()


def test_alerts_lead_to_procedures() -> None:
    rules = ROOT / "engine" / "deploy" / "prometheus" / "nova.rules.yml"
    named = re.findall(
        r"docs/operate/([\w-]+\.md)(?:#([\w-]+))?", rules.read_text(encoding="utf-8")
    )
    assert named
    for page, anchor in named:
        text = (OPERATE / page).read_text(encoding="utf-8")
        assert not anchor or anchor in procedures(page) or f'<a id="{anchor}">' in text, (
            page,
            anchor,
        )

"""Links between files of the repository lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.meta.repository import ROOT, markdown_pages

_LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)


def _prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def _links(page: Path) -> Iterator[str]:
    for target in _LINK.findall(_prose(page)):
        if not re.match(r"[a-z]+:", target):
            yield target


def _anchors(page: Path) -> set[str]:
    """The anchors that the usual Markdown renderers give to the headings, and those that are written."""
    headings = (re.sub(r"[`*_]", "", text).lower() for text in _HEADING.findall(_prose(page)))
    written = set(re.findall(r'^<a id="([\w-]+)"></a>$', _prose(page), re.MULTILINE))
    return written | {re.sub(r"[^\w\- ]", "", text).replace(" ", "-") for text in headings}


@pytest.mark.parametrize(
    "page", markdown_pages(), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_relative_links_resolve(page: Path) -> None:
    broken = [link for link in _links(page) if not _resolves(page, link)]
    assert not broken


def _resolves(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or target.suffix != ".md" or anchor in _anchors(target)


def test_every_page_of_the_documentation_is_linked_from_the_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in _links(ROOT / "README.md")}
    pages = set((ROOT / "docs").rglob("*.md"))
    operate = {page for page in pages if "operate" in page.parts}  # has its own index
    assert pages - operate <= linked

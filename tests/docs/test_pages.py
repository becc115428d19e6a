"""Every page does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.page import ROOT, make_targets, pages, run

_IDS = [path.relative_to(ROOT).as_posix() for path in pages()]


@pytest.mark.parametrize("page", pages(), ids=_IDS)
def test_page(page: Path, tmp_path: Path) -> None:
    run(page, tmp_path)


@pytest.mark.parametrize("page", pages(), ids=_IDS)
def test_make_targets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert make_targets(page) <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))

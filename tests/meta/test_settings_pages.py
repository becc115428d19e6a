"""README and docs/reference/plugin.md list every option, ini setting and hook of the plugin."""

from __future__ import annotations

import re

import pytest
from tests.meta.repository import ROOT

from pytest_aos_golden import hooks

PAGES = ("README.md", "docs/reference/plugin.md")


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_options_and_settings(page: str, pytestconfig: pytest.Config) -> None:
    named = set(re.findall(r"`(golden_[a-z_]+)`", _text(page)))
    named_options = set(re.findall(r"`(--golden-[a-z-]+)[ `]", _text(page)))
    settings = {name for name in pytestconfig._parser._inidict if name.startswith("golden_")}
    options = {
        option
        for group in pytestconfig._parser._groups
        for shown in group.options
        for option in shown.names()
        if option.startswith("--golden-") and shown.attrs().get("help") != "==SUPPRESS=="
    }
    assert settings <= named
    assert options <= named_options
    assert named - settings <= {"golden_engine"}
    assert named_options - options <= {"--golden-doctor"}


@pytest.mark.parametrize("page", PAGES)
def test_defaults(page: str, pytestconfig: pytest.Config) -> None:
    for name, (_, _, default) in pytestconfig._parser._inidict.items():
        if name.startswith("golden_") and isinstance(default, str):
            row = next(line for line in _text(page).splitlines() if line.startswith(f"| `{name}`"))
            assert default in row, row


def test_hooks() -> None:
    named = set(re.findall(r"`(pytest_golden_[a-z_]+)\(", _text("docs/reference/plugin.md")))
    assert named == {name for name in vars(hooks) if name.startswith("pytest_golden_")}

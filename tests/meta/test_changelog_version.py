"""One version, the same in every place that says it."""

from __future__ import annotations

import re
import tomllib

from tests.meta.repository import ROOT

import aos_workflow
import pytest_aos_golden


def _project(path: str) -> dict[str, object]:
    return tomllib.loads((ROOT / path).read_text(encoding="utf-8"))["project"]


def test_versions_agree() -> None:
    plugin, engine = _project("pyproject.toml"), _project("engine/pyproject.toml")
    version = plugin["version"]
    assert engine["version"] == version
    assert pytest_aos_golden.__version__ == version
    assert aos_workflow.__version__ == version
    dependencies = plugin["dependencies"]
    assert isinstance(dependencies, list)
    assert f"aos-workflow=={version}" in dependencies


def test_the_changelog_begins_with_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\S+) \((unreleased|\d{4}-\d{2}-\d{2})\)$", changelog, re.MULTILINE)
    headings = re.findall(r"^## ", changelog, re.MULTILINE)
    assert len(versions) == len(headings)
    assert versions[0][0] == _project("pyproject.toml")["version"]
    assert all(date != "unreleased" for _, date in versions[1:])


def test_the_readme_names_this_version() -> None:
    version = _project("pyproject.toml")["version"]
    assert f"This is {version}, not released." in (ROOT / "README.md").read_text(encoding="utf-8")

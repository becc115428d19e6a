"""ARCHITECTURE.md names every module of the plugin and of the kernel, and none that is gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.meta.repository import ROOT

PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PACKAGES = {
    "`pytest_aos_golden`": ROOT / "src" / "pytest_aos_golden",
    "`aos_workflow.golden`": ROOT / "engine" / "src" / "aos_workflow" / "golden",
    "`aos_workflow.golden.triage`": ROOT / "engine" / "src" / "aos_workflow" / "golden" / "triage",
    "`aos_workflow.engine`": ROOT / "engine" / "src" / "aos_workflow" / "engine",
    "`aos_workflow.recovery`": ROOT / "engine" / "src" / "aos_workflow" / "recovery",
    "`aos_workflow.shadow`": ROOT / "engine" / "src" / "aos_workflow" / "shadow",
    "`aos_workflow.simulation`": ROOT / "engine" / "src" / "aos_workflow" / "simulation",
    "`aos_workflow.doctor`": ROOT / "engine" / "src" / "aos_workflow" / "doctor",
    "`aos_workflow.determinism`": ROOT / "engine" / "src" / "aos_workflow" / "determinism",
    "`aos_workflow.metrics`": ROOT / "engine" / "src" / "aos_workflow" / "metrics",
    "`aos_workflow.server`": ROOT / "engine" / "src" / "aos_workflow" / "server",
    "`aos_workflow.logs`": ROOT / "engine" / "src" / "aos_workflow" / "logs",
}


def _named(title: str) -> set[str]:
    (section,) = (s for s in re.split(r"\n###? ", PAGE) if s.splitlines()[0].endswith(title))
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize(("title", "folder"), PACKAGES.items())
def test_modules(title: str, folder: Path) -> None:
    modules = {
        p.stem for p in folder.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    assert _named(title) == modules - {"__init__"}

"""Agents that were written for other frameworks, recorded and verified as they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.meta.repository import ROOT

AGENTS = {
    "langgraph_agent": ("langgraph", "support.py", "refunds take 5 days", "refunds take 9 days"),
    "pydantic_ai_agent": ("pydantic_ai", "weather.py", '"boots"', '"sandals"'),
}


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "GOLDEN_SECRET")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("name", sorted(AGENTS))
def test_recorded_verified_and_a_change_is_found(name: str, tmp_path: Path) -> None:
    package, module, old, new = AGENTS[name]
    pytest.importorskip(package, reason=f"{package} is not installed")
    folder = tmp_path / name
    shutil.copytree(ROOT / "examples" / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pytest.ini").write_text("[pytest]\n")
    recorded = pytest_in(folder, "--golden-record")
    assert recorded.returncode == 0, recorded.stdout
    verified = pytest_in(folder, "--golden-verify")
    assert verified.returncode == 0, verified.stdout
    path = folder / module
    path.write_text(path.read_text().replace(old, new))
    changed = pytest_in(folder, "--golden-verify")
    assert changed.returncode == 1
    for value in (old.strip('"'), new.strip('"')):
        assert value in changed.stdout

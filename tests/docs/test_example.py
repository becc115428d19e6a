"""The example does what the demo and its own tests say."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.page import ROOT
from tests.docs.shell import Shell


def test_demo() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "demo.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5. A function is not deterministic" in done.stdout


def test_committed_goldens_match(tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    shutil.copytree(
        ROOT / "examples", folder, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache")
    )
    with Shell(folder, frozenset(["asyncio"])) as shell:
        output, code = shell.run("pytest -q --golden-verify")
    assert code == 0, output
    assert "goldens: 7 matched" in output

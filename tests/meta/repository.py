"""What is in the repository, for the tests about it."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["ROOT", "committed_files", "markdown_pages"]

ROOT = Path(__file__).parents[2]
_LEFT_OUT = (".git", ".venv", "__pycache__", "build", "dist")


def committed_files() -> list[Path]:
    """Every file that git tracks or would, or, without git, every file that is not left behind by a tool."""
    command = [
        "git",
        "-C",
        str(ROOT),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode == 0:
        paths = (ROOT / name for name in done.stdout.decode().split("\0") if name)
        return sorted(path for path in paths if path.is_file())
    return sorted(
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and not any(part.startswith(_LEFT_OUT) or part.endswith("_cache") for part in path.parts)
    )


def markdown_pages() -> list[Path]:
    """Every Markdown file of the repository."""
    return [path for path in committed_files() if path.suffix == ".md"]

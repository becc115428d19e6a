#!/usr/bin/env python3
"""Why two goldens differ, or why simulations found mismatches: ``aos-workflow golden diff-debug`` under its older name.

    python scripts/stress/golden_diff_debug.py --golden-a A --golden-b B [--verbose] [--output F] [--html F]
    python scripts/stress/golden_diff_debug.py --summary-dir DIR... [--verbose] [--output F] [--html F]

A summary without ``--output``, ``--html`` or ``--verbose`` is JSON on standard output. Runs with a Python in whose
environment aos-workflow is installed, else with that of the repository's ``.venv``.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

VENV_PYTHON = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "python"


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    if find_spec("aos_workflow") is None:
        return _in_the_environment()
    from aos_workflow.cli import main as command

    shown = {"--output", "--verbose", "-v", "--html", "--json"}
    is_summary = any(each.startswith("--summary-dir") for each in arguments)
    plain = is_summary and not shown & {each.partition("=")[0] for each in arguments}
    return command(["golden", "diff-debug", *arguments, *(["--json"] if plain else [])])


def _in_the_environment() -> int:
    """Start again with the Python of the repository's environment."""
    if not VENV_PYTHON.exists() or os.environ.get("AOS_DIFF_DEBUG_AGAIN"):
        print("aos-workflow is not installed here: pip install aos-workflow", file=sys.stderr)
        return 2
    os.environ["AOS_DIFF_DEBUG_AGAIN"] = "1"
    os.execv(VENV_PYTHON, [str(VENV_PYTHON), __file__, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The command line: ``aos-workflow``.

Exit codes: 0 the same or fine, 1 different or failed, 2 bad input or usage, 70 a bug of ours, 130 interrupted, 141
closed pipe. With ``--json`` a command writes exactly one JSON document to stdout, also when it fails.
"""

from __future__ import annotations

__all__ = ["aos", "main"]


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code; ``arguments`` are the process's own by default."""
    return _run(arguments, "aos-workflow")


def aos(arguments: list[str] | None = None) -> int:
    """``aos workflow ...`` is ``aos-workflow ...``."""
    return _run(arguments, "aos")


def _run(arguments: list[str] | None, program: str) -> int:
    try:
        from aos_workflow.cli.running import run

        return run(arguments, program)
    except KeyboardInterrupt:
        return 130

"""What cannot be undone is shown first, and done when somebody says so."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from aos_workflow.cli.output import Output

__all__ = ["Yes", "confirmed"]

Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Do it. Without, it is shown, and asked on a terminal.")
]


def confirmed(output: Output, question: str, *, yes: bool) -> bool:
    """Whether to go on: ``--yes``, or yes to the question. Who cannot be asked has asked for a dry run."""
    if yes:
        return True
    if output.as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        output.line(question)
        output.line("nothing was changed; with --yes it is done")
        return False
    return typer.confirm(question)

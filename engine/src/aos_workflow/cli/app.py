"""All commands."""

from __future__ import annotations

from typing import Annotated

import typer

from aos_workflow.cli import database, golden, policy, runs, skills, stack, stop
from aos_workflow.cli.doctor import doctor
from aos_workflow.cli.options import AsJson
from aos_workflow.cli.output import Output
from aos_workflow.cli.worker import worker

__all__ = ["app"]

app = typer.Typer(
    name="aos-workflow",
    help="Record runs and values once as signed, canonical goldens; verify them; say what differs.",
    epilog="\b\nExample:\n  aos-workflow golden verify fixtures/golden",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(golden.app, name="golden")
app.add_typer(stack.app, name="stack")
app.add_typer(database.app, name="db")
app.add_typer(policy.app, name="policy")
app.add_typer(skills.app, name="skills")
app.add_typer(stop.app, name="stop")
runs.add_to(app)
app.command(epilog="\b\nExample:\n  aos-workflow doctor plan.py:make_plan --budget quick")(doctor)
app.command(epilog="\b\nExample:\n  aos-workflow worker --workflows my.workflows --concurrency 20")(
    worker
)


def _version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Nothing before a command but --version."""


@app.command(epilog="\b\nExample:\n  aos-workflow version --json")
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    from aos_workflow import __version__

    output = Output(as_json=as_json)
    output.line(f"aos-workflow {__version__}")
    output.document({"ok": True, "version": __version__})

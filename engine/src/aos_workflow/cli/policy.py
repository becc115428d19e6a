"""``aos-workflow policy``: the limits in force."""

from __future__ import annotations

import typer

from aos_workflow.cli.options import AsJson
from aos_workflow.cli.output import Output

__all__ = ["app"]

app = typer.Typer(
    help="Budgets, rates and emergency stops.",
    epilog="\b\nExample:\n  aos-workflow policy show",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def group() -> None:
    """Budgets, rates and emergency stops."""


@app.command(epilog="\b\nExample:\n  aos-workflow policy show --json")
def show(as_json: AsJson = False) -> None:
    """Show every limit that is in force, and where it comes from."""
    from aos_workflow.assembly.policy import explained

    output = Output(as_json=as_json)
    rows = explained()
    output.table(
        ("limit", "value", "from"), [(row.name, _shown(row.value), row.source) for row in rows]
    )
    output.document(
        {
            "ok": True,
            "limits": [
                {"name": row.name, "value": row.value, "source": row.source} for row in rows
            ],
        }
    )


def _shown(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

"""``aos-workflow stop``: the emergency stop of a whole fleet, in its database."""

from __future__ import annotations

from typing import Annotated

import typer

from aos_workflow.cli.options import AsJson
from aos_workflow.cli.output import Output
from aos_workflow.cli.storing import actor, with_store

__all__ = ["app"]

app = typer.Typer(
    help="Emergency stop of the whole fleet: nothing begins its next step.",
    epilog='\b\nExample:\n  aos-workflow stop enable --reason "INC-123"\n  aos-workflow stop disable',
    no_args_is_help=True,
    rich_markup_mode=None,
)
STOPPED = 1


@app.command(epilog="\b\nExample:\n  aos-workflow stop enable --reason INC-123")
def enable(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Shown everywhere.")],
    as_json: AsJson = False,
) -> None:
    """Stop: every run is suspended before its next step, and none begins."""
    output = Output(as_json=as_json)
    with_store(lambda store: store.set_stop(True, by=actor(), reason=reason))
    output.line(f"Status: STOPPED ({reason})")
    output.document({"ok": True, "stopped": True, "reason": reason})


@app.command(epilog="\b\nExample:\n  aos-workflow stop disable")
def disable(as_json: AsJson = False) -> None:
    """Release. Runs that were suspended by the stop are gone on with by 'aos-workflow resume'."""
    output = Output(as_json=as_json)
    with_store(lambda store: store.set_stop(False, by=actor()))
    output.line("Status: RUNNING")
    output.document({"ok": True, "stopped": False})


@app.command(epilog="\b\nExample:\n  aos-workflow stop status")
def status(as_json: AsJson = False) -> None:
    """Show whether the fleet is stopped, here or by file or environment. Exit code 1 if it is."""
    from aos_workflow.assembly import default_emergency
    from aos_workflow.errors import EmergencyStopError

    output = Output(as_json=as_json)
    controls = with_store(lambda store: store.controls())
    source, reason = None, None
    try:
        default_emergency().check_step(db_stopped=controls.stopped, db_reason=controls.stop_reason)
    except EmergencyStopError as error:
        source, reason = error.source, error.message
    output.line(f"Status: STOPPED ({reason})" if source else "Status: RUNNING")
    output.document({"ok": source is None, "stopped": source is not None, "source": source})
    raise typer.Exit(STOPPED if source else 0)

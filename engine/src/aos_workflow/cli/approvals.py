"""``aos-workflow approvals``: what people are asked by runs, and their answers."""

from __future__ import annotations

from typing import Annotated

import typer

from aos_workflow.cli.options import AsJson, RunId
from aos_workflow.cli.output import Output
from aos_workflow.cli.run_data import at, decision_data
from aos_workflow.cli.storing import actor, with_store

__all__ = ["app"]

app = typer.Typer(
    help="Questions of runs to people: list and answer them.",
    epilog="\b\nExample:\n  aos-workflow approvals list\n"
    "  aos-workflow approvals approve --run order-17 --name refund",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="What the workflow calls it.")]
Step = Annotated[
    str | None,
    typer.Option("--step", metavar="STEP", help="Path, where a run asks for one name twice."),
]
Payload = Annotated[
    str | None, typer.Option("--payload", metavar="JSON", help="Handed to the workflow.")
]
_MOST = 10_000


@app.command("list", epilog="\b\nExample:\n  aos-workflow approvals list --json")
def list_(
    run: Annotated[
        str | None, typer.Option("--run", "--run-id", metavar="RUN", help="Default: all runs.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what is decided.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=_MOST)] = 100,
    as_json: AsJson = False,
) -> None:
    """List the open questions, oldest first."""
    import json

    output = Output(as_json=as_json)
    found = with_store(
        lambda store: store.decisions(run_id=run, open_only=not everything, limit=limit)
    )
    data = [decision_data(question) for question in found]
    output.table(
        ("run", "name", "kind", "step", "asked", "decision", "request"),
        [
            (
                q.run_id,
                q.name,
                q.kind,
                q.step_path,
                at(q.requested_at_s),
                q.decision or "open",
                json.dumps(each["request"]),
            )
            for q, each in zip(found, data, strict=True)
        ],
    )
    if not found:
        output.line("nobody is asked anything")
    output.document({"ok": True, "approvals": data})


@app.command(epilog="\b\nExample:\n  aos-workflow approvals approve --run order-17 --name refund")
def approve(
    run: RunId, name: Name, step: Step = None, payload: Payload = None, as_json: AsJson = False
) -> None:
    """Say yes. A run that was suspended for it is queued."""
    _decide(run, name, step, payload, decision="approved", as_json=as_json)


@app.command(epilog="\b\nExample:\n  aos-workflow approvals reject --run order-17 --name refund")
def reject(
    run: RunId, name: Name, step: Step = None, payload: Payload = None, as_json: AsJson = False
) -> None:
    """Say no. What the run does then is up to its workflow."""
    _decide(run, name, step, payload, decision="rejected", as_json=as_json)


def _decide(
    run: str, name: str, step: str | None, payload: str | None, *, decision: str, as_json: bool
) -> None:
    output = Output(as_json=as_json)
    text = _json(payload)
    found = with_store(
        lambda store: store.decide(
            run, name, decision=decision, by=actor(), payload_json=text, step_path=step
        )
    )
    output.line(f"{decision} {name} of run {run}, at {found.step_path}")
    output.document({"ok": True, "approval": decision_data(found)})


def _json(text: str | None) -> bytes | None:
    """The payload, checked and as compact as the engine writes it."""
    from aos_workflow.errors import GoldenError, UsageError
    from aos_workflow.golden.encoding import encode
    from aos_workflow.golden.strict_json import loads

    if text is None:
        return None
    try:
        return encode(loads(text.encode(), file="--payload"))
    except GoldenError as error:
        raise UsageError(error.message, hint="--payload '{\"cents\": 500}'") from None

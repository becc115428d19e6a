"""All commands."""

from __future__ import annotations

from typing import Annotated

import typer

from aos_workflow.cli import (
    api_keys,
    approvals,
    configuring,
    database,
    golden,
    policy,
    recorded,
    runbook,
    runs,
    shadow,
    skills,
    stack,
    stop,
)
from aos_workflow.cli.completing import completion
from aos_workflow.cli.doctor import doctor
from aos_workflow.cli.inspecting import inspect
from aos_workflow.cli.options import AsJson
from aos_workflow.cli.output import Output
from aos_workflow.cli.serve import serve
from aos_workflow.cli.stats import stats
from aos_workflow.cli.worker import worker

__all__ = ["app", "umbrella"]

app = typer.Typer(
    name="aos-workflow",
    help="Run workflows that can be proved reproducible: start, look, mend, record, verify.",
    epilog="\b\nExample:\n  aos-workflow golden verify fixtures/golden",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
umbrella = typer.Typer(
    name="aos",
    help="Everything about agent workflows.",
    epilog="\b\nExample:\n  aos workflow resume --run-id order-17",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
umbrella.add_typer(app, name="workflow")
app.add_typer(golden.app, name="golden")
app.add_typer(stack.app, name="stack")
app.add_typer(database.app, name="db")
app.add_typer(policy.app, name="policy")
app.add_typer(skills.app, name="skills")
app.add_typer(stop.app, name="stop")
app.add_typer(approvals.app, name="approvals")
app.add_typer(runbook.app, name="runbook")
app.add_typer(configuring.app, name="config")
app.add_typer(api_keys.app, name="api-keys")
app.add_typer(shadow.app, name="shadow")
for name, command, example in (
    ("start", runs.start, "start billing --workflows my.workflows --input '{\"amount\": 5}'"),
    ("list-running", runs.list_running, "list-running --limit 20"),
    ("inspect", inspect, "inspect --run order-17\n  aos-workflow inspect --database"),
    ("stats", stats, "stats --spec billing --hours 24"),
    ("resume", runs.resume, "resume --run-id order-17 --workflows my.workflows"),
    ("retry", runs.retry, "retry --run order-17"),
    ("cancel", runs.cancel, "cancel --run order-17 --yes"),
    ("fork", runs.fork, "fork --run order-17 --step 3"),
    ("golden-tail", recorded.golden_tail, "golden-tail --run order-17 --lines 30"),
    ("replay-local", recorded.replay_local, "replay-local --run order-17 --workflows my.workflows"),
    ("worker", worker, "worker --workflows my.workflows --concurrency 20"),
    ("serve", serve, "serve --workflows my.workflows --port 8000"),
    ("doctor", doctor, "doctor plan.py:make_plan --budget quick"),
    ("completion", completion, "completion bash >> ~/.bashrc"),
):
    app.command(name, epilog=f"\b\nExample:\n  aos-workflow {example}")(command)


def _version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@umbrella.callback()
def group() -> None:
    """Everything about agent workflows."""


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

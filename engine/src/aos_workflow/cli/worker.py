"""``aos-workflow worker``: take queued runs and go on with them."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aos_workflow.cli.output import printable

if TYPE_CHECKING:
    from aos_workflow.engine import Worker

__all__ = ["worker"]

Modules = Annotated[
    list[str],
    typer.Option(
        "--workflows",
        "-w",
        metavar="MODULE",
        help="Module, .py, .yaml or .json file with workflows and skills. May be repeated.",
    ),
]


def worker(
    workflows: Modules,
    queue: Annotated[
        list[str] | None, typer.Option("--queue", metavar="NAME", help="Default: default.")
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=1000, help="Runs at the same time.")
    ] = 10,
    golden: Annotated[
        Path | None,
        typer.Option("--golden", metavar="FOLDER", help="Record runs there. Default: GOLDEN_DIR."),
    ] = None,
    dead_after: Annotated[
        float,
        typer.Option(
            "--dead-after", metavar="SECONDS", min=1, help="Silence after which a worker is dead."
        ),
    ] = 180.0,
    drain: Annotated[
        float,
        typer.Option("--drain", metavar="SECONDS", min=0, help="Time for runs to end on SIGTERM."),
    ] = 30.0,
    worker_id: Annotated[
        str | None, typer.Option("--id", metavar="NAME", help="Default: a new one.")
    ] = None,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End when nothing is queued and due.")
    ] = False,
) -> None:
    """Run what is queued, until SIGTERM or Ctrl-C: then take nothing more, and give back what does not end in time.

    Writes one JSON line for each thing that happens, to standard output.
    """
    from aos_workflow.assembly.engines import engine
    from aos_workflow.engine import Worker
    from aos_workflow.engine.worker import WorkerSettings

    queues = tuple(queue or ("default",))
    made = engine(workflows, golden=golden, worker_id=worker_id, queues=queues)
    settings = WorkerSettings(concurrency=concurrency, dead_after_s=dead_after, drain_s=drain)
    found = Worker(made, queues=queues, settings=settings, report=_report)
    asyncio.run(_run(found, until_idle=until_idle))


async def _run(found: Worker, *, until_idle: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, found.stop)
    try:
        if until_idle:
            await found.run_until_idle()
            await found.engine.close()
        else:
            await found.run()
    finally:
        await found.engine.store.close()


_LEVELS = {
    "run_quarantined": "CRITICAL",
    "run_lost": "ERROR",
    "run_refused": "ERROR",
    "store_unavailable": "ERROR",
}


def _report(event: str, fields: dict[str, object]) -> None:
    level = _LEVELS.get(event, "INFO")
    if event == "run_left" and fields.get("error_code"):
        level = "ERROR"
    record = {"level": level, "event": event, **fields}
    sys.stdout.write(printable(json.dumps(record, default=str)) + "\n")
    sys.stdout.flush()

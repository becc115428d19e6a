"""``aos-workflow worker``: take queued runs and go on with them."""

from __future__ import annotations

import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_workflow.cli.options import LogFile

if TYPE_CHECKING:
    from aos_workflow.engine import Worker
    from aos_workflow.metrics import Registry

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
    dispatch: Annotated[
        str,
        typer.Option(
            "--dispatch",
            metavar="HOW",
            help="store: ask the database again and again. pgqueuer: be woken (aos-workflow db dispatch).",
        ),
    ] = "store",
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port", metavar="PORT", min=0, max=65535, help="Show metrics there. 0: any."
        ),
    ] = None,
    metrics_host: Annotated[
        str, typer.Option("--metrics-host", metavar="HOST", help="Where the port is open.")
    ] = "127.0.0.1",
    trace: Annotated[
        bool, typer.Option("--trace", help="Leave OpenTelemetry spans of runs and steps.")
    ] = False,
    log_file: LogFile = None,
) -> None:
    """Run what is queued, until SIGTERM or Ctrl-C: then take nothing more, and give back what does not end in time.

    Writes one JSON line for each thing that happens, to standard output and to the log file, if one is named.
    """
    import asyncio

    from aos_workflow import config
    from aos_workflow.assembly.engines import engine
    from aos_workflow.assembly.metering import counted, registry_for, watch
    from aos_workflow.engine import Worker
    from aos_workflow.engine.worker import WorkerSettings
    from aos_workflow.errors import UsageError
    from aos_workflow.logs import Mask, Sinks, log_to, worker_log
    from aos_workflow.metrics import EngineMeter

    if dispatch not in ("store", "pgqueuer"):
        raise UsageError(f"--dispatch is {dispatch!r}, expected store or pgqueuer")
    queues = tuple(queue or ("default",))
    if "" in queues:
        raise UsageError("--queue is empty", hint="name it, or leave it out: --queue default")
    logger = log_to(Sinks(log_file or config.log_file()), mask=Mask(config.secrets()))
    registry = registry_for("engine", "worker")
    meter = EngineMeter(registry)
    made = engine(
        workflows,
        golden=golden,
        worker_id=worker_id,
        queues=queues,
        meter=meter,
        is_traced=trace,
    )
    found = Worker(
        made,
        queues=queues,
        settings=WorkerSettings(concurrency=concurrency, dead_after_s=dead_after, drain_s=drain),
        report=counted(registry, worker_log(logger, made.presence.worker_id)),
    )
    watch(registry, made, found)
    shown = None if metrics_port is None else (registry, metrics_host, metrics_port)
    waking = queues if dispatch == "pgqueuer" else None
    asyncio.run(_run(found, logger, shown, waking, until_idle=until_idle))


async def _run(
    found: Worker,
    logger: Any,
    shown: tuple[Registry, str, int] | None,
    waking: tuple[str, ...] | None,
    *,
    until_idle: bool,
) -> None:
    from aos_workflow.assembly.dispatching import pgqueuer_dispatch
    from aos_workflow.metrics.exporter import exporting

    async with AsyncExitStack() as stack:
        if shown is not None:
            port = await stack.enter_async_context(exporting(*shown))
            logger.info("metrics_shown", host=shown[1], port=port)
        if waking is not None:
            found.dispatcher = await stack.enter_async_context(
                pgqueuer_dispatch(found.engine.store, waking)
            )
        await _work(found, until_idle=until_idle)


async def _work(found: Worker, *, until_idle: bool) -> None:
    import asyncio

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

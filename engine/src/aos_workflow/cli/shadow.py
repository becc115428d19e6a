"""``aos-workflow shadow``: simulate workflows overnight, and see in the morning what broke."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aos_workflow.cli import shadow_cases
from aos_workflow.cli.options import AsJson
from aos_workflow.cli.output import Output

if TYPE_CHECKING:
    from aos_workflow.assembly.simulation import Order
    from aos_workflow.shadow.coordinator import Coordinator

__all__ = ["app"]

FOUND = 1
QUICK_CYCLES = 3

app = typer.Typer(
    help="Run workflows in pairs under other seeds, schedules and faults, and report what differs.",
    epilog="\b\nExample:\n  aos-workflow shadow run --hours 8 --workflows my.workflows\n  aos-workflow shadow status",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DIR]", show_default=False, help="Default: the newest in the temporary folder."
    ),
]


@app.command(epilog="\b\nExample:\n  aos-workflow shadow run --quick --verbose")
def run(
    cycles: Annotated[
        int | None, typer.Option("--cycles", min=1, metavar="N", help="End after so many.")
    ] = None,
    hours: Annotated[
        float | None, typer.Option("--hours", min=0.0, metavar="H", help="End after so long.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"{QUICK_CYCLES} cycles: does it run at all?")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, max=1024, metavar="N", help="Default: one a processor."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="S", help="Draws everything that differs. Default: 0."),
    ] = None,
    workflows: Annotated[
        list[str] | None,
        typer.Option(
            "--workflows",
            "-w",
            metavar="MODULE",
            help="Module, file or folder; may be repeated. Default: the shipped types.",
        ),
    ] = None,
    faults: Annotated[
        str | None,
        typer.Option("--faults", metavar="PROFILE", help="none, default (the default) or heavy."),
    ] = None,
    fleet: Annotated[
        str, typer.Option("--fleet", metavar="FLEET", help="local, ray, or ray://HOST:PORT.")
    ] = "local",
    out: Annotated[
        Path | None,
        typer.Option("--out", "--output", metavar="DIR", help="Default: a new temporary folder."),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", metavar="DIR", help="Go on with the simulation in this folder."),
    ] = None,
    cycle_interval: Annotated[
        float,
        typer.Option(
            "--cycle-interval", min=0.0, metavar="S", help="A round begins so often at most."
        ),
    ] = 0.0,
    workflows_per_cycle: Annotated[
        int,
        typer.Option(
            "--workflows-per-cycle",
            min=1,
            max=10_000,
            metavar="N",
            help="Runs in a round; each is a cycle in the reports.",
        ),
    ] = 1,
    cycle_limit: Annotated[
        float,
        typer.Option(
            "--cycle-limit", min=0.1, metavar="S", help="A cycle that takes longer hangs."
        ),
    ] = 60.0,
    runner: Annotated[str | None, typer.Option("--runner", hidden=True)] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="A line for each cycle.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run each workflow twice, the second time in a process where all that must not matter is different, and compare.

    Without --cycles, --hours or --quick this goes on until SIGTERM or Ctrl-C, which let end what runs. Exits with 0 if
    every pair is the same, with 1 if one is not.
    """
    from aos_workflow.assembly.simulation import RUNNER, Order, new_folder
    from aos_workflow.errors import UsageError
    from aos_workflow.shadow.records import Campaign

    if quick and (cycles is not None or hours is not None):
        raise UsageError("--quick says how many cycles there are", hint="leave out one of them")
    rounds = workflows_per_cycle > 1 or cycle_interval > 0
    given = (out, seed, workflows, faults, runner)
    if resume is not None and (rounds or any(each is not None for each in given)):
        raise UsageError(
            "with --resume, the folder says what is simulated",
            hint="only --cycles, --hours, --workers and --fleet may be given",
        )
    if quick:
        cycles = QUICK_CYCLES
    order = Order(
        out=resume or out or new_folder(),
        campaign=Campaign(seed or 0, tuple(workflows or ()), faults or "default"),
        resume=resume is not None,
        cycles=cycles,
        hours=hours,
        workers=workers,
        fleet=fleet,
        together=workflows_per_cycle,
        interval_s=cycle_interval,
        cycle_limit_s=cycle_limit,
        runner=runner or RUNNER,
    )
    _simulate(order, Output(as_json=as_json), verbose=verbose)


def _simulate(order: Order, output: Output, *, verbose: bool) -> None:
    from aos_workflow.assembly.simulation import simulation
    from aos_workflow.cli.shadow_view import view

    with view(output, verbose=verbose) as watching, simulation(order, watching) as ready:
        watching.begun(ready)
        with _stopping(ready.coordinator):
            summary = ready.coordinator.run()
    watching.ended(summary)
    output.document({"ok": summary.passed, **summary.to_json()})
    if not summary.passed:
        raise typer.Exit(FOUND)


@contextmanager
def _stopping(coordinator: Coordinator) -> Iterator[None]:
    """Signals drain; a second one does not wait for what runs. A hang-up that ``nohup`` ignores stays ignored."""

    def stop(number: int, _: object) -> None:
        coordinator.stop(signal.Signals(number).name)

    kept = {}
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN or number is not signal.SIGHUP:
            kept[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@app.command(epilog="\b\nExample:\n  aos-workflow shadow status out/night --json")
def status(folder: Folder = None, as_json: AsJson = False) -> None:
    """Show how a simulation goes. Exits with 1 after a mismatch or if it does not go on, with 2 if there is none."""
    from aos_workflow.assembly.simulation import latest_folder
    from aos_workflow.cli.shadow_view import status_lines
    from aos_workflow.determinism import SystemClock
    from aos_workflow.shadow.folder import is_held
    from aos_workflow.shadow.status import State, as_seen, is_killed, read_status

    output = Output(as_json=as_json)
    path = folder or latest_folder()
    held = is_held(path)  # before reading: what ends meanwhile has then written its last status
    found = read_status(path / "status.json")
    resume = _resume(path) if is_killed(found, held=held) else None
    found = as_seen(found, now=SystemClock().now(), held=held)
    fine = found.state in (State.RUNNING, State.DONE) and found.mismatches == found.errors == 0
    output.lines(status_lines(found, path))
    if resume is not None:
        output.line(f"next: {resume}")
    output.document({"ok": fine, "folder": str(path), **found.to_json(), "next": resume})
    if not fine:
        raise typer.Exit(FOUND)


def _resume(path: Path) -> str:
    import shlex

    return f"aos-workflow shadow run --resume {shlex.quote(str(path))}"


@app.command(epilog="\b\nExample:\n  aos-workflow shadow sanity out/night")
def sanity(folder: Folder = None, as_json: AsJson = False) -> None:
    """Check that a simulation is sound: it runs, finds nothing, and its rate, memory and disk are as they should be."""
    from aos_workflow.assembly.simulation import latest_folder
    from aos_workflow.determinism import SystemClock
    from aos_workflow.shadow.folder import is_held
    from aos_workflow.shadow.status import checks, is_killed, read_status

    output = Output(as_json=as_json)
    path = folder or latest_folder()
    held = is_held(path)
    status = read_status(path / "status.json")
    resume = _resume(path) if is_killed(status, held=held) else None
    found = checks(status, now=SystemClock().now(), held=held)
    failed = [check for check in found if not check.ok]
    output.line(f"{path}")
    output.table(
        ("CHECK", "RESULT", ""), [(c.name, "ok" if c.ok else "FAILED", c.text) for c in found]
    )
    output.line(f"{len(failed)} of {len(found)} checks fail" if failed else "All checks pass")
    if resume is not None:
        output.line(f"next: {resume}")
    rows = [{"name": c.name, "ok": c.ok, "text": c.text} for c in found]
    output.document({"ok": not failed, "folder": str(path), "checks": rows, "next": resume})
    if failed:
        raise typer.Exit(FOUND)


shadow_cases.register(app)

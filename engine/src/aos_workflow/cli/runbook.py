"""``aos-workflow runbook``: the runbooks, followed to the letter against a stack of their own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aos_workflow.cli.options import AsJson
from aos_workflow.cli.output import Output
from aos_workflow.cli.storing import actor

if TYPE_CHECKING:
    from aos_workflow.recovery import Outcome, Runbook

__all__ = ["app"]

app = typer.Typer(
    help="Runbooks: follow their pages against a stack that is started for it.",
    epilog="\b\nExample:\n  aos-workflow runbook verify --report exercise.md",
    no_args_is_help=True,
    rich_markup_mode=None,
)
FAILED = 1
_PAGES = Path("docs") / "operate"


@app.callback()
def group() -> None:
    """Runbooks: follow their pages against a stack that is started for it."""


@app.command(
    epilog="\b\nExample:\n  aos-workflow runbook verify --report exercise.md\n"
    "  aos-workflow runbook verify --only 'Rotate golden secret'"
)
def verify(
    pages: Annotated[
        list[Path] | None,
        typer.Option("--page", metavar="FILE", help="Default: those of docs/operate. Repeatable."),
    ] = None,
    only: Annotated[
        str, typer.Option("--only", metavar="TEXT", help="Procedures with this in their title.")
    ] = "",
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="The sheet, as .md or .json; to be signed."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do everything that the runbooks say, and compare what happens with what they say. Exit code 1 if it differs.

    Starts PostgreSQL, Valkey, a server, a worker and, where it is installed, Prometheus, anew for each page, on free
    ports and in a folder that is removed in the end. Your own databases and settings have no part in it. What cannot be
    run is listed.
    """
    from aos_workflow.determinism import SystemClock, rfc3339
    from aos_workflow.recovery import sheet_data, sheet_text

    output = Output(as_json=as_json)
    begun_at, by = rfc3339(SystemClock().now()), actor()
    outcomes = _walk(output, _runbooks(pages), only)
    data = sheet_data(outcomes, begun_at=begun_at, by=by)
    _show(output, outcomes, data["counts"])
    if report is not None:
        _write(report, data, sheet_text(outcomes, begun_at=begun_at, by=by))
        output.line(f"sheet: {report}")
    output.document(data)
    if not data["ok"]:
        raise typer.Exit(FAILED)


def _runbooks(pages: list[Path] | None) -> list[Runbook]:
    from aos_workflow.determinism import sorted_files
    from aos_workflow.errors import UsageError
    from aos_workflow.recovery import read_page

    found = pages or list(sorted_files(_root() / _PAGES, ".md"))
    if not found:
        raise UsageError(
            f"there are no pages in {_PAGES} here", hint="run it in a checkout, or give --page FILE"
        )
    return [read_page(path) for path in found]


def _root() -> Path:
    """The checkout that this is run in: where the pages are, here or above."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / _PAGES).is_dir()), here)


def _walk(output: Output, runbooks: list[Runbook], only: str) -> list[Outcome]:
    from aos_workflow import config
    from aos_workflow.errors import UsageError
    from aos_workflow.recovery import LiveStack, walk

    wanted = [
        p for r in runbooks for p in r.procedures if p.steps and only.lower() in p.title.lower()
    ]
    if not wanted:
        raise UsageError(f"no procedure has {only!r} in its title", hint="leave --only out")
    root = _root()
    scripts, rules = root / "scripts", root / "engine" / "deploy" / "prometheus"
    outcomes = []
    for runbook in runbooks:
        if not any(procedure in wanted for procedure in runbook.procedures):
            continue
        with LiveStack(
            config.environment(),
            scripts=scripts if scripts.is_dir() else None,
            rules=rules if rules.is_dir() else None,
        ) as stack:
            output.line(f"{runbook.file.name}: with db, redis, {', '.join(stack.services)}")
            for outcome in walk(runbook, stack.run, stack.missing, only=only):
                output.line(f"  {outcome.verdict:8} {outcome.line:4} {outcome.title}")
                outcomes.append(outcome)
    return outcomes


def _show(output: Output, outcomes: list[Outcome], counts: dict[str, int]) -> None:
    from aos_workflow.recovery import Verdict

    for outcome in outcomes:
        if outcome.verdict is Verdict.FAILED:
            output.line()
            output.line(f"FAILED {outcome.page}:{outcome.line} {outcome.procedure}")
            output.lines(outcome.command.splitlines(), indent="  $ ")
            output.lines(outcome.actual.splitlines(), indent="  ")
    output.line()
    output.line(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))


def _write(report: Path, data: dict[str, object], text: str) -> None:
    import json

    from aos_workflow.golden.atomic import write_atomic

    content = json.dumps(data, indent=2) + "\n" if report.suffix == ".json" else text
    write_atomic(report, content.encode())

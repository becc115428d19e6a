"""``aos-workflow shadow reproduce`` and ``shadow shrink``: one mismatch, seen again and made small."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_workflow.cli.options import AsJson
from aos_workflow.cli.output import Output

if TYPE_CHECKING:
    from aos_workflow.shadow.case import Case
    from aos_workflow.shadow.records import CycleReport
    from aos_workflow.shadow.shrink import Shrunk

__all__ = ["register"]

_SEEN = 1
_SMALL = "small"

CaseFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Such as OUT/mismatches/cycle_7.", show_default=False)
]

Workflows = Annotated[
    list[str] | None,
    typer.Option(
        "--workflows",
        "-w",
        metavar="MODULE|DIR|FILE",
        help="Where the workflows are now; may be repeated. Default: where they were.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="\b\nExample:\n  aos-workflow shadow reproduce OUT/mismatches/cycle_7")(
        reproduce
    )
    app.command(
        epilog="\b\nExample:\n  aos-workflow shadow shrink OUT/mismatches/cycle_7 --test tests/test_cycle_7.py"
    )(shrink)


def reproduce(folder: CaseFolder, workflows: Workflows = None, as_json: AsJson = False) -> None:
    """Run a mismatch again, in two fresh processes.

    Exit code: 0 the sides agree, 1 they differ again, 2 bad input.
    """
    from aos_workflow.shadow.case import located, read_case
    from aos_workflow.shadow.reproduce import reproduce as again

    case = located(read_case(folder), folder, workflows or ())
    found = again(case)
    output = Output(as_json=as_json)
    output.line(_headline(found.seen, found.before))
    if found.seen:
        _tell(output, case, found.report)
    if not found.is_same_code:
        output.line("  the workflows are not those that it was found with")
    output.document(
        {
            "ok": not found.seen,
            "reproduced": found.seen,
            "before": found.before,
            "same_code": found.is_same_code,
            "report": found.report.to_json(),
        }
    )
    raise typer.Exit(_SEEN if found.seen else 0)


def _headline(seen: bool, before: int) -> str:
    if not seen:
        return "not seen again: primary and shadow agree"
    after = f", after the {before} cycles that ran before it" if before else ""
    return f"seen again{after}"


def shrink(
    folder: CaseFolder,
    test: Annotated[
        Path | None, typer.Option("--test", metavar="FILE", help="Write it as a pytest test too.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also if FILE is something else than a test of this.")
    ] = False,
    workflows: Workflows = None,
    as_json: AsJson = False,
) -> None:
    """Make a mismatch small: as few faults, perturbations and inputs, and as little of the schedule as show it.

    The smaller case is written to DIR/small. Exit code: 0 done, 1 it is not seen again on its own, 2 bad input.
    """
    from aos_workflow.shadow.case import located, read_case
    from aos_workflow.shadow.shrink import shrink as smaller

    case = located(read_case(folder), folder, workflows or ())
    if test is not None:
        _refuse_other(test, force=force)
    output = Output(as_json=as_json)
    found = smaller(case)
    if found is None:
        output.line("not seen again on its own: nothing to shrink")
        output.document({"ok": False, "reproduced": False})
        raise typer.Exit(1)
    files = _write(folder / _SMALL, found)
    output.line(f"smaller, after {found.trials} trials: {folder / _SMALL}")
    _tell(output, found.case, found.report)
    if test is not None:
        _write_test(test, found)
        output.line(f"  test: {test}")
    output.document(
        {
            "ok": True,
            "reproduced": True,
            "trials": found.trials,
            "folder": str(folder / _SMALL),
            "files": sorted(files),
            "cycle": found.case.cycle.to_json(),
            "report": found.report.to_json(),
        }
    )


def _write(folder: Path, found: Shrunk) -> Mapping[str, bytes]:
    import orjson

    from aos_workflow.golden.atomic import write_atomic
    from aos_workflow.shadow.case import CYCLE_FILE, placed

    folder.mkdir(parents=True, exist_ok=True)
    cycle = orjson.dumps(found.case.to_json(), option=orjson.OPT_INDENT_2) + b"\n"
    files = placed({**found.files, CYCLE_FILE: cycle}, folder)
    for name, data in files.items():
        write_atomic(folder / name, data, new_mode=0o777 if name.endswith(".sh") else 0o666)
    return files


def _refuse_other(path: Path, *, force: bool) -> None:
    """Raise UsageError if the test is a folder, or would replace what ``shrink`` did not write."""
    from aos_workflow.errors import UsageError
    from aos_workflow.shadow.shrink import is_our_test

    if path.is_dir():
        raise UsageError(f"--test {path} is a folder", hint=f"--test {path / 'test_found.py'}")
    if force or not path.exists():
        return
    if not is_our_test(path.read_text(encoding="utf-8", errors="replace")):
        raise UsageError(
            f"{path} is there already, and not a test that shrink wrote",
            hint="name another file, or replace it with --force",
        )


def _write_test(path: Path, found: Shrunk) -> None:
    from aos_workflow.golden.atomic import write_atomic
    from aos_workflow.shadow.shrink import as_test

    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, as_test(found.case, found.report).encode())


def _tell(output: Output, case: Case, report: CycleReport) -> None:
    """What differs, and under which circumstances."""
    from aos_workflow.shadow.attribution import CAUSES

    cycle = case.cycle
    cause = report.cause or "unknown"
    meaning = CAUSES.get(cause)
    output.line(f"  cause: {cause}{f' ({meaning})' if meaning else ''}")
    output.line(f"  {report.message}")
    output.line(f"  workflow: {cycle.workflow}, seed {cycle.seed}, inputs {_shown(cycle.inputs)}")
    faults = ", ".join(f"{f.kind} at {f.at} ({f.side or 'both sides'})" for f in cycle.faults)
    output.line(f"  faults: {faults or 'none'}")
    differs = ", ".join(f"{name}={value}" for name, value in cycle.perturbations.items())
    output.line(f"  shadow: PYTHONHASHSEED={case.hash_seed}{', ' + differs if differs else ''}")


def _shown(inputs: Mapping[str, Any]) -> str:
    from aos_workflow.golden.secret_scan import redact

    text = redact(repr(dict(inputs)))
    return text if len(text) <= 400 else f"{text[:400]}..."

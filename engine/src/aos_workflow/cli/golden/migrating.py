"""``golden migrate``: lift older goldens to the current form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_workflow.cli.golden.keyring import ring_or_none
from aos_workflow.cli.golden.source import all_goldens
from aos_workflow.cli.options import AsJson, KeyFile
from aos_workflow.cli.output import Output

if TYPE_CHECKING:
    from aos_workflow.errors import AosError
    from aos_workflow.golden.keys import KeyRing
    from aos_workflow.golden.migrate import Migrated

__all__ = ["register"]

Paths = Annotated[list[Path], typer.Argument(metavar="PATH", help="Goldens, or folders of them.")]
Check = Annotated[bool, typer.Option("--check", help="Only say what needs lifting; then exit 1.")]
Write = Annotated[bool, typer.Option("--write", help="Write the current form beside the old file.")]
Replace = Annotated[bool, typer.Option("--replace", help="With --write: remove the old file.")]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file. ``status`` is current, needed, lifted, written or failed."""

    file: Path
    status: str
    new: Path | None = None
    error: AosError | None = None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "status": self.status,
            **({"new": str(self.new)} if self.new else {}),
            **({"note": self.note} if self.note else {}),
            **({"error": self.error.to_dict()} if self.error else {}),
        }


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="\b\nExample:\n  aos-workflow golden migrate --check golden\n"
        "  aos-workflow golden migrate --write golden"
    )(migrate)


def migrate(
    paths: Paths,
    check: Check = False,
    write: Write = False,
    replace: Replace = False,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Lift older goldens (.json with an inner signature) to the current form.

    What tells of a run (a list of events or steps) becomes a .steps.jsonl, anything else a .golden.json. With a key,
    the older signature must be valid, and the new file is signed. The old file stays unless --replace is given.
    """
    from aos_workflow.errors import UsageError

    if check is write:
        raise UsageError(
            "give either --check or --write", hint="aos-workflow golden migrate --help"
        )
    if replace and not write:
        raise UsageError("--replace goes with --write")
    ring = ring_or_none(key_file)
    step = _check if check else lambda path, new: _write(path, new, replace=replace)
    outcomes = [_outcome(path, ring, step) for path in all_goldens(paths)]
    _report(Output(as_json=as_json), outcomes)
    if any(outcome.status in ("needed", "failed") for outcome in outcomes):
        raise typer.Exit(1)


def _outcome(
    path: Path, ring: KeyRing | None, step: Callable[[Path, Migrated], Outcome]
) -> Outcome:
    from aos_workflow.errors import AosError, GoldenFileError
    from aos_workflow.golden.migrate import migrate
    from aos_workflow.golden.provenance import provenance
    from aos_workflow.golden.source import read_bytes

    try:
        found = migrate(
            read_bytes(path), file=str(path), ring=ring, provenance=provenance(path.parent)
        )
        return Outcome(path, "current") if found is None else step(path, found)
    except AosError as error:
        return Outcome(path, "failed", error=error)
    except OSError as error:
        failure = GoldenFileError(f"cannot be written: {error.strerror}", file=str(path))
        return Outcome(path, "failed", error=failure)


def _is_lifted(new: Path, found: Migrated) -> bool:
    """Whether the current form is there already.

    Raises:
        GoldenExistsError: something else is there.
    """
    from aos_workflow.errors import GoldenExistsError
    from aos_workflow.golden.files import verify

    if not new.exists():
        return False
    there = verify(new)
    if there and there.hash == found.hash:
        return True
    raise GoldenExistsError(
        f"{new} exists and holds something else", hint="compare them, and move one away"
    )


def _check(path: Path, found: Migrated) -> Outcome:
    new = path.with_name(found.name)
    return Outcome(path, "lifted" if _is_lifted(new, found) else "needed", new)


def _write(path: Path, found: Migrated, *, replace: bool) -> Outcome:
    from aos_workflow.golden.atomic import write_atomic
    from aos_workflow.golden.sealing import Signature

    new = path.with_name(found.name)
    status = "lifted"
    if not _is_lifted(new, found):
        write_atomic(new, found.data)
        status = "written"
    if replace:
        path.unlink()
    unchecked = found.signature is not Signature.VALID
    note = "the older signature was not checked: there is no key" if unchecked else ""
    return Outcome(path, status, new, note=note)


_LINES = {
    "current": "Current: {file}",
    "needed": "Needs lifting: {file} -> {new}",
    "lifted": "Lifted already: {file} -> {new}",
    "written": "Lifted: {file} -> {new}",
    "failed": "Failed: {file}",
}


def _report(output: Output, outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        new = outcome.new.name if outcome.new else ""
        output.line(_LINES[outcome.status].format(file=outcome.file, new=new))
        if outcome.note:
            output.line(f"  note: {outcome.note}")
        if outcome.error is not None:
            output.error(outcome.error, indent="  ")
    needed = [outcome for outcome in outcomes if outcome.status == "needed"]
    if needed:
        output.line(f"next: aos-workflow golden migrate --write ({len(needed)} to lift)")
    output.document(
        {
            "ok": not any(outcome.status in ("needed", "failed") for outcome in outcomes),
            "goldens": [outcome.to_json() for outcome in outcomes],
        }
    )

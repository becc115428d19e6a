"""``golden archive``, ``golden restore`` and ``golden prune``: goldens over the years."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aos_workflow.cli.confirming import Yes, confirmed
from aos_workflow.cli.golden.checking import PolicyName, wanted_policy
from aos_workflow.cli.golden.keyring import ring_or_none
from aos_workflow.cli.options import AsJson, KeyFile
from aos_workflow.cli.output import Output

if TYPE_CHECKING:
    from aos_workflow.golden.archive import Archived
    from aos_workflow.golden.retention import Retained

__all__ = ["register"]

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The goldens.")]
ArchiveFile = Annotated[
    Path, typer.Argument(metavar="ARCHIVE", help="As 'golden archive' or plain tar makes it.")
]
To = Annotated[
    Path | None,
    typer.Option(
        "--to", metavar="PATH", help="A file, or a folder, where it gets a name with the time."
    ),
]
Daily = Annotated[
    bool, typer.Option("--daily", help="Name it golden_<date>.tar.gz, as the nightly backup.")
]
Days = Annotated[
    float, typer.Option("--older-than", metavar="DAYS", min=0, help="Since their last change.")
]
FirstArchive = Annotated[
    Path | None,
    typer.Option("--archive", metavar="PATH", help="Archive the whole folder before; as --to."),
]
SkipDamaged = Annotated[
    bool, typer.Option("--skip-damaged", help="Restore the others if some do not verify.")
]
_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="\b\nExample:\n  aos-workflow golden archive /var/lib/aos/golden --to /var/lib/aos/archives"
    )(archive)
    app.command(
        epilog="\b\nExample:\n"
        "  aos-workflow golden restore golden_2025-12-01.tar.gz --to /var/lib/aos/golden --yes"
    )(restore)
    app.command(
        epilog="\b\nExample:\n  aos-workflow golden prune /var/lib/aos/golden --older-than 7 --yes"
    )(prune)


def archive(
    folder: Folder,
    to: To = None,
    daily: Daily = False,
    policy: PolicyName = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Put all goldens of a folder into one tar file, with a manifest of their hashes.

    One that does not verify is put in as it is, and the exit code is 1.
    """
    from aos_workflow.golden.archive import write_archive

    output = Output(as_json=as_json)
    ring = ring_or_none(key_file)
    target = _target(to, daily=daily)
    found = write_archive(folder, target, ring=ring, policy=wanted_policy(policy, ring))
    _show_damaged(output, found)
    output.line(f"{target}: {len(found)} goldens")
    _document(output, target, found)
    if not all(found):
        raise typer.Exit(1)


def restore(
    archive: ArchiveFile,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where the goldens go.")],
    skip_damaged: SkipDamaged = False,
    yes: Yes = False,
    policy: PolicyName = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Verify every golden of an archive, and then put them in place, with their times.

    If one does not verify, nothing is changed and the exit code is 1. Files that are there and not in the archive stay.
    """
    from aos_workflow.golden.archive import check_archive, is_same, restore_archive

    output = Output(as_json=as_json)
    ring = ring_or_none(key_file)
    found = check_archive(archive, ring=ring, policy=wanted_policy(policy, ring))
    _show_damaged(output, found)
    good = {entry.name: entry for entry in found if entry}
    new = [name for name in good if not (to / name).exists()]
    replaced = [n for n, entry in good.items() if n not in new and not is_same(to / n, entry)]
    same = len(good) - len(new) - len(replaced)
    output.line(f"{to}: {len(new)} new, {len(replaced)} replaced, {same} the same already")
    _show_names(output, replaced, "replaces")
    is_refused = len(good) < len(found) and not skip_damaged
    if is_refused:
        output.line("nothing was changed; --skip-damaged restores the others")
    does = not is_refused and confirmed(
        output, f"Restore {len(new) + len(replaced)} goldens?", yes=yes
    )
    written = restore_archive(archive, to, good) if does else []
    if does:
        output.line(f"restored {len(written)} goldens")
    _document(output, archive, found, dry_run=not does, new=new, replaced=replaced, written=written)
    if not all(found):
        raise typer.Exit(1)


def prune(
    folder: Folder,
    older_than: Days,
    archive: FirstArchive = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove goldens of runs by age. Mismatches stay, and so do the goldens of tests.

    A mismatch is a golden that does not verify, one of a run in quarantine, and what lies below 'mismatches/'.
    """
    from aos_workflow.errors import GoldenMissingError
    from aos_workflow.golden.archive import write_archive
    from aos_workflow.golden.retention import judge

    if not folder.is_dir():
        raise GoldenMissingError("no such folder", file=str(folder), hint="check the path")
    output = Output(as_json=as_json)
    judged = list(judge(folder, timedelta(days=older_than)))
    going = [each for each in judged if each.keep is None]
    kept = Counter(str(each.keep) for each in judged if each.keep is not None)
    _show_names(output, [str(each.path) for each in going], "removes")
    shown = ", ".join(f"{count} {reason}" for reason, count in sorted(kept.items()))
    size = sum(each.size_bytes for each in going)
    output.line(
        f"{folder}: {len(going)} of {len(judged)} go, {size:,} bytes; kept: {shown or 'none'}"
    )
    does = bool(going) and confirmed(output, f"Remove {len(going)} goldens?", yes=yes)
    target = None
    if does:
        if archive is not None:
            target = _target(archive, daily=False)
            write_archive(folder, target, ring=ring_or_none(None))
            output.line(f"archived: {target}")
        _remove(going)
        output.line(f"removed {len(going)} goldens")
    output.document(
        {
            "ok": True,
            "dry_run": not does,
            "folder": str(folder),
            "removed": [str(each.path) for each in going],
            "bytes": size,
            "kept": dict(sorted(kept.items())),
            "archive": str(target) if target else None,
        }
    )


def _target(to: Path | None, *, daily: bool) -> Path:
    """The file that is meant; in a folder one with the names that the runbooks use."""
    if to is not None and not to.is_dir() and to.name.endswith((".tgz", ".tar.gz", ".tar")):
        return to
    from aos_workflow.determinism import SystemClock

    return (to or Path()) / _name(SystemClock().now(), daily=daily)


def _name(now: datetime, *, daily: bool) -> str:
    return f"golden_{now:%Y-%m-%d}.tar.gz" if daily else f"golden_archive_{now:%Y%m%d_%H%M%S}.tgz"


def _remove(going: Sequence[Retained]) -> None:
    for each in going:
        each.path.unlink(missing_ok=True)


def _show_damaged(output: Output, found: Sequence[Archived]) -> None:
    for entry in found:
        if entry.error is not None:
            output.error(entry.error)


def _show_names(output: Output, names: Sequence[str], verb: str) -> None:
    output.lines([f"{verb} {name}" for name in names[:_SHOWN]])
    if len(names) > _SHOWN:
        output.line(f"... and {len(names) - _SHOWN} more")


def _document(output: Output, archive: Path, found: Sequence[Archived], **more: object) -> None:
    goldens = [
        {**entry.to_json(), **({"error": entry.error.to_dict()} if entry.error else {})}
        for entry in found
    ]
    output.document({"ok": all(found), "archive": str(archive), **more, "goldens": goldens})

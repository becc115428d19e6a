"""``golden sign`` and ``golden resign``: put signatures on goldens that are whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_workflow.cli.golden.keyring import signing_ring
from aos_workflow.cli.golden.source import all_goldens
from aos_workflow.cli.options import AsJson, KeyFile
from aos_workflow.cli.output import Output

if TYPE_CHECKING:
    from aos_workflow.errors import AosError
    from aos_workflow.golden.keys import KeyRing

__all__ = ["register"]

Paths = Annotated[list[Path], typer.Argument(metavar="PATH", help="Goldens, or folders of them.")]
Anyway = Annotated[
    bool,
    typer.Option(
        "--replace-signature", help="Also where the signature is by a key that is not at hand."
    ),
]
OldKeyFile = Annotated[
    Path,
    typer.Option(
        "--old-key-file", metavar="FILE", help="With the key the goldens are signed with."
    ),
]
NewKeyFile = Annotated[
    Path, typer.Option("--new-key-file", metavar="FILE", help="Whose last key is to sign them.")
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file. ``status`` is signed, already signed or failed."""

    file: Path
    status: str
    error: AosError | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "status": self.status,
            **({"error": self.error.to_dict()} if self.error else {}),
        }


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="\b\nExample:\n  aos-workflow golden sign fixtures/golden")(sign)
    app.command(
        epilog="\b\nExample:\n  aos-workflow golden keys new --key-file new.keys\n"
        "  aos-workflow golden resign --old-key-file old.keys --new-key-file new.keys golden"
    )(resign)


def sign(
    paths: Paths, key_file: KeyFile = None, replace: Anyway = False, as_json: AsJson = False
) -> None:
    """Sign goldens in place with the key that signs.

    A golden that is damaged, or signed with a key that is not at hand, is left as it is and reported; then the exit
    code is 1. Content, hash and times stay.
    """
    ring = signing_ring(key_file)
    output = Output(as_json=as_json)
    outcomes = _each(all_goldens(paths), lambda path: _sign(path, ring, replace=replace))
    for outcome in outcomes:
        output.line(f"{outcome.status.capitalize()}: {outcome.file}")
        if outcome.error is not None:
            output.error(outcome.error, indent="  ")
    _end(output, outcomes, ring)


def resign(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The goldens, or one of them.")],
    old_key_file: OldKeyFile,
    new_key_file: NewKeyFile,
    as_json: AsJson = False,
) -> None:
    """Sign goldens anew after a change of the key.

    Each is verified with an old key first; one that fails is left as it is and reported, and the exit code is 1. What
    the new key has signed already is passed over, so the command can be run again after an interruption. One file of
    several keys may be given as both: its last key is the new one.
    """
    from aos_workflow.golden.keys import KeyRing

    new = KeyRing((KeyRing.from_file(new_key_file).signing,))
    old = _old_keys(KeyRing.from_file(old_key_file), new)
    output = Output(as_json=as_json)
    outcomes = _each(all_goldens([folder]), lambda path: _resign(path, old, new))
    for outcome in outcomes:
        name = os.path.relpath(outcome.file, folder) if folder.is_dir() else outcome.file
        if outcome.error is not None:
            output.line(f"WARN: Could not verify {name} with old secret")
            output.error(outcome.error, indent="  ")
        elif outcome.status == "signed":
            output.line(f"Re-signed: {name}")
        else:
            output.line(f"Already signed with the new key: {name}")
    _end(output, outcomes, new)


def _old_keys(ring: KeyRing, new: KeyRing) -> KeyRing:
    from aos_workflow.errors import UsageError
    from aos_workflow.golden.keys import KeyRing

    keys = tuple(key for key in ring.keys if key != new.signing)
    if not keys:
        raise UsageError(
            f"the old key file holds no other key than the new one, {new.signing.id}",
            hint="make a new key: aos-workflow golden keys new --key-file FILE",
        )
    return KeyRing(keys)


def _each(paths: Iterable[Path], change: Callable[[Path], str]) -> list[Outcome]:
    """Change one file after the other; what stops one does not stop the next."""
    from aos_workflow.errors import AosError, GoldenFileError
    from aos_workflow.golden.atomic import remove_stale

    outcomes = []
    folders = set()
    for path in paths:
        if path.parent not in folders:
            folders.add(path.parent)
            remove_stale(path.parent)
        try:
            outcomes.append(Outcome(path, change(path)))
        except AosError as error:
            outcomes.append(Outcome(path, "failed", error))
        except OSError as error:
            failure = GoldenFileError(f"cannot be written: {error.strerror}", file=str(path))
            outcomes.append(Outcome(path, "failed", failure))
    return outcomes


def _sign(path: Path, ring: KeyRing, *, replace: bool) -> str:
    from aos_workflow.errors import GoldenUnknownKeyError, GoldenUnsignedError
    from aos_workflow.golden.files import sign, verify
    from aos_workflow.golden.sealing import Signature

    verdict = verify(path, ring=ring)
    if verdict.error is not None and not (
        isinstance(verdict.error, GoldenUnsignedError) or (replace and verdict.form == "legacy")
    ):
        raise verdict.error
    if verdict.signature is Signature.UNKNOWN_KEY and not replace:
        raise GoldenUnknownKeyError(
            f"signed with key {verdict.key_id}, which is not at hand",
            file=str(path),
            hint="aos-workflow golden resign, which verifies it first; or --replace-signature",
        )
    if verdict.signature is Signature.VALID and _is_by(path, ring):
        return "already signed"
    sign(path, ring)
    return "signed"


def _resign(path: Path, old: KeyRing, new: KeyRing) -> str:
    from aos_workflow.golden.files import sign

    if _is_by(path, new):
        return "already signed"
    sign(path, new, check=old)
    return "signed"


def _is_by(path: Path, ring: KeyRing) -> bool:
    """Whether the key that signs has signed the golden already."""
    from aos_workflow.golden.files import verify
    from aos_workflow.golden.keys import KeyRing
    from aos_workflow.golden.sealing import Policy

    return bool(verify(path, ring=KeyRing((ring.signing,)), policy=Policy.REQUIRE))


def _end(output: Output, outcomes: list[Outcome], ring: KeyRing) -> None:
    failed = sum(outcome.error is not None for outcome in outcomes)
    output.document(
        {
            "ok": not failed,
            "key_id": ring.signing.id,
            "goldens": [outcome.to_json() for outcome in outcomes],
        }
    )
    if failed:
        raise typer.Exit(1)

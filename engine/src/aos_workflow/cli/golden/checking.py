"""``golden verify``: are the files what was recorded?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aos_workflow.cli.golden.keyring import ring_or_none
from aos_workflow.cli.golden.source import STDIN, all_goldens, read_source
from aos_workflow.cli.options import AsJson, KeyFile
from aos_workflow.cli.output import Output

if TYPE_CHECKING:
    from aos_workflow.golden.files import Verdict
    from aos_workflow.golden.keys import KeyRing
    from aos_workflow.golden.sealing import Policy

__all__ = ["PolicyName", "register", "wanted_policy"]

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH", help="Goldens, or folders of them; - for standard input."),
]
PolicyName = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="off|integrity|warn|require",
        help="What is asked of a seal. Default: require if there is a key, else integrity.",
    ),
]


_MISSING = "GOLDEN_MISSING"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="\b\nExample:\n  aos-workflow golden verify fixtures/golden --policy require"
    )(verify)


def verify(
    paths: Paths, policy: PolicyName = None, key_file: KeyFile = None, as_json: AsJson = False
) -> None:
    """Check digests, chains and signatures of goldens, and report every file.

    Exits with 1 if any fails, with 2 if a path does not exist. 'integrity' finds accidents and careless edits without
    any key; 'require' asks for a valid signature by a key at hand.
    """
    output = Output(as_json=as_json)
    ring = ring_or_none(key_file)
    wanted = wanted_policy(policy, ring)
    verdicts = [_verdict(path, ring, wanted) for path in all_goldens(paths)]
    _report(output, verdicts, wanted, ring)
    if any(verdict.code == _MISSING for verdict in verdicts):
        raise typer.Exit(2)
    if not all(verdicts):
        raise typer.Exit(1)


def wanted_policy(name: str | None, ring: KeyRing | None) -> Policy:
    """The policy of that name; without one, signatures are required if there is a key. Raises UsageError."""
    from aos_workflow.errors import UsageError
    from aos_workflow.golden.sealing import Policy

    if name is None:
        return Policy.INTEGRITY if ring is None else Policy.REQUIRE
    if name not in list(Policy):
        raise UsageError(f"unknown policy {name!r}: expected one of {', '.join(Policy)}")
    return Policy(name)


def _verdict(path: Path, ring: KeyRing | None, policy: Policy) -> Verdict:
    from aos_workflow.golden.files import verify, verify_bytes

    if path != STDIN:
        return verify(path, ring=ring, policy=policy)
    source = read_source(path)
    return verify_bytes(source.data, file=source.file, form=source.form, ring=ring, policy=policy)


def _report(
    output: Output, verdicts: Sequence[Verdict], policy: Policy, ring: KeyRing | None
) -> None:
    rows = [
        (v.file, v.form, "ok" if v else v.code, v.signature or "", v.key_id or "") for v in verdicts
    ]
    output.table(["FILE", "FORM", "RESULT", "SIGNATURE", "KEY"], rows)
    for verdict in verdicts:
        if verdict.error is not None:
            output.line()
            output.error(verdict.error)
    counts = _counts(verdicts)
    output.line()
    output.line(_summary(counts))
    output.document(
        {
            "ok": all(verdicts),
            "policy": policy,
            "keys": [key.id for key in ring.keys] if ring else [],
            "counts": counts,
            "goldens": [verdict.to_json() for verdict in verdicts],
        }
    )


def _summary(counts: Mapping[str, int]) -> str:
    texts = {
        "ok": "ok",
        "signature_unchecked": "of them without a checked signature",
        "failed": "failed",
    }
    return ", ".join(f"{counts[name]} {text}" for name, text in texts.items() if counts[name])


def _counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    from aos_workflow.golden.sealing import Signature

    weak = [v for v in verdicts if v.signature in (Signature.UNSIGNED, Signature.UNKNOWN_KEY)]
    return {
        "ok": sum(map(bool, verdicts)),
        "signature_unchecked": len(weak),
        "failed": sum(not verdict for verdict in verdicts),
    }

"""``golden keys``: make and list the secrets that sign goldens, without ever showing one."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Annotated

import typer

from aos_workflow.cli.confirming import Yes, confirmed
from aos_workflow.cli.golden.keyring import ring_or_none
from aos_workflow.cli.golden.source import all_goldens
from aos_workflow.cli.options import AsJson, KeyFile
from aos_workflow.cli.output import Output

__all__ = ["app"]

app = typer.Typer(
    help="Make and list the keys that sign goldens. A secret is never shown.",
    epilog="\b\nExample:\n  aos-workflow golden keys new --key-file /etc/nova/secrets",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(
    epilog="\b\nExample:\n  aos-workflow golden keys new --key-file /etc/nova/secrets\n"
    "  export GOLDEN_KEY_FILE=/etc/nova/secrets"
)
def new(key_file: KeyFile = None, as_json: AsJson = False) -> None:
    """Append a new key to a key file, which signs from then on; the older ones still verify.

    Without --key-file it is that of GOLDEN_KEY_FILE, or aos-workflow/golden.keys among your configuration files. Prints
    the id of the key, never the secret.
    """
    from aos_workflow import config
    from aos_workflow.golden.keys import append_new_key

    path = key_file or config.new_key_file()
    key = append_new_key(path)
    warnings = _warnings(path)
    output = Output(as_json=as_json)
    output.line(f"{key.id}  {path}")
    output.lines(warnings)
    if config.key_file() != path:
        output.line(f"next: export GOLDEN_KEY_FILE={path}")
    output.document({"ok": True, "key_id": key.id, "key_file": str(path), "warnings": warnings})


@app.command(name="list", epilog="\b\nExample:\n  aos-workflow golden keys list --json")
def list_(key_file: KeyFile = None, as_json: AsJson = False) -> None:
    """List the ids of the keys at hand, oldest first. The last one signs, all verify."""
    from aos_workflow import config

    ring = ring_or_none(key_file)
    keys = ring.keys if ring else ()
    path = key_file or config.key_file()
    warnings = _warnings(path) if path else []
    output = Output(as_json=as_json)
    output.table(
        ["KEY", "USE"],
        [(key.id, "signs" if ring and key == ring.signing else "verifies") for key in keys],
    )
    if not keys:
        output.line("no key: goldens are sealed with digests only")
        output.line("next: aos-workflow golden keys new")
    output.lines(warnings)
    output.document(
        {
            "ok": True,
            "keys": [{"id": key.id, "signs": bool(ring and key == ring.signing)} for key in keys],
            "warnings": warnings,
        }
    )


@app.command(
    epilog="\b\nExample:\n"
    "  aos-workflow golden keys retire /var/lib/aos/golden --key-file /etc/nova/secrets --yes"
)
def retire(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="All goldens that the keys have signed.")
    ],
    key_file: KeyFile = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take the older keys out of a key file, when nothing needs them any more: the end of a rotation.

    Every golden must verify with the key that signs alone. If one does not, nothing is changed and the exit code is 1.
    """
    from aos_workflow import config
    from aos_workflow.golden.files import verify
    from aos_workflow.golden.keys import KeyRing, drop_older_keys
    from aos_workflow.golden.sealing import Policy

    output = Output(as_json=as_json)
    path = key_file or config.new_key_file()
    ring = KeyRing.from_file(path)
    newest = KeyRing((ring.signing,))
    verdicts = [verify(each, ring=newest, policy=Policy.REQUIRE) for each in all_goldens(paths)]
    failed = [verdict for verdict in verdicts if verdict.error is not None]
    for verdict in failed:
        assert verdict.error is not None
        output.error(verdict.error)
    older = [key.id for key in ring.keys if key != ring.signing]
    output.line(
        f"{len(verdicts) - len(failed)} of {len(verdicts)} goldens verify with key {ring.signing.id}"
    )
    question = f"Remove {len(older)} older keys from {path}: {', '.join(older) or 'none'}?"
    does = not failed and bool(older) and confirmed(output, question, yes=yes)
    if does:
        drop_older_keys(path)
        output.line(f"removed {len(older)} keys; restart what has read them")
    output.document(
        {
            "ok": not failed,
            "dry_run": not does,
            "key_file": str(path),
            "key_id": ring.signing.id,
            "older": older,
            "failed": [verdict.to_json() for verdict in failed],
        }
    )
    if failed:
        raise typer.Exit(1)


def _warnings(path: Path) -> list[str]:
    """What endangers the secrets in a file."""
    found = []
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH:
        found.append(f"warning: every user can read {path}: chmod o-r {path}")
    checkout = next((p for p in path.absolute().parents if (p / ".git").exists()), None)
    if checkout is not None:
        found.append(f"warning: {path} is inside the checkout {checkout}: never commit it")
    return found

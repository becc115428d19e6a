"""``golden keys``: make and list the secrets that sign goldens, without ever showing one."""

from __future__ import annotations

import stat
from pathlib import Path

import typer

from aos_workflow.cli.golden.keyring import ring_or_none
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


def _warnings(path: Path) -> list[str]:
    """What endangers the secrets in a file."""
    found = []
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH:
        found.append(f"warning: every user can read {path}: chmod o-r {path}")
    checkout = next((p for p in path.absolute().parents if (p / ".git").exists()), None)
    if checkout is not None:
        found.append(f"warning: {path} is inside the checkout {checkout}: never commit it")
    return found

"""``aos-workflow api-keys``: who may use the HTTP API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aos_workflow.cli.options import AsJson
from aos_workflow.cli.output import Output

__all__ = ["app"]

app = typer.Typer(
    help="Keys of the HTTP API: made here, kept as digests.",
    epilog="\b\nExample:\n  aos-workflow api-keys add grafana --scope read --file keys",
    no_args_is_help=True,
    rich_markup_mode=None,
)
File = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="Default: AOS_API_KEYS_FILE.")
]
KeyId = Annotated[
    str, typer.Argument(metavar="ID", help="A name for the key; stands in the audit.")
]


@app.command(epilog="\b\nExample:\n  aos-workflow api-keys add ci --scope operate --tenant acme")
def add(
    key_id: KeyId,
    scope: Annotated[str, typer.Option("--scope", metavar="read|operate|admin")] = "read",
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="TENANT", help="'*': every tenant.")
    ] = "default",
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once; a running server knows it after its next start."""
    from aos_workflow.errors import UsageError
    from aos_workflow.server.keys import Scope, new_key, read_keys, write_keys

    path = _file(file)
    keys = read_keys(path) if path.exists() else ()
    if any(key.key_id == key_id for key in keys):
        raise UsageError(
            f"{path} has a key {key_id!r} already", hint=f"aos-workflow api-keys remove {key_id}"
        )
    token, made = new_key(key_id, Scope.of(scope), tenant)
    write_keys(path, (*keys, made))
    output = Output(as_json=as_json)
    output.line(token)
    output.document({"ok": True, "id": key_id, "key": token, "file": str(path)})


@app.command("list", epilog="\b\nExample:\n  aos-workflow api-keys list --json")
def list_(file: File = None, as_json: AsJson = False) -> None:
    """List the keys, without the keys themselves."""
    from aos_workflow.server.keys import read_keys

    output = Output(as_json=as_json)
    rows = [(key.key_id, key.scope.name.lower(), key.tenant) for key in read_keys(_file(file))]
    output.table(("id", "scope", "tenant"), rows)
    if not rows:
        output.line("there are no keys")
    output.document(
        {
            "ok": True,
            "keys": [dict(zip(("id", "scope", "tenant"), row, strict=True)) for row in rows],
        }
    )


@app.command(epilog="\b\nExample:\n  aos-workflow api-keys remove ci")
def remove(key_id: KeyId, file: File = None, as_json: AsJson = False) -> None:
    """Remove a key; a running server forgets it at its next start."""
    from aos_workflow.errors import UsageError
    from aos_workflow.server.keys import read_keys, write_keys

    path = _file(file)
    keys = read_keys(path)
    left = tuple(key for key in keys if key.key_id != key_id)
    if len(left) == len(keys):
        raise UsageError(f"{path} has no key {key_id!r}", hint="aos-workflow api-keys list")
    write_keys(path, left)
    output = Output(as_json=as_json)
    output.line(f"removed {key_id}")
    output.document({"ok": True, "id": key_id})


def _file(file: Path | None) -> Path:
    from aos_workflow import config
    from aos_workflow.errors import UsageError

    found = file or config.api_keys_file()
    if found is None:
        raise UsageError("no file of keys is named", hint="--file FILE, or set AOS_API_KEYS_FILE")
    return found

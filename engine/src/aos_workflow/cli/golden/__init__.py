"""``aos-workflow golden``: canonical form, verifying, signing, comparing and lifting goldens."""

from __future__ import annotations

import typer

from aos_workflow.cli.golden import (
    archiving,
    checking,
    comparing,
    content,
    debugging,
    keys,
    migrating,
    signing,
)

__all__ = ["app"]

app = typer.Typer(
    help="Goldens: canonical form, verify, sign, compare, migrate.",
    epilog="\b\nExample:\n  aos-workflow golden verify fixtures/golden",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for module in (content, checking, signing, comparing, migrating, archiving, debugging):
    module.register(app)
app.add_typer(keys.app, name="keys")

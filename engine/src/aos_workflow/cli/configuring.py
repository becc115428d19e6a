"""``aos-workflow config``: the settings that a service reads when it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aos_workflow.cli.options import AsJson
from aos_workflow.cli.output import Output

__all__ = ["app"]

app = typer.Typer(
    help="Settings of services: variables in the file that they read when they start.",
    epilog="\b\nExample:\n  aos-workflow config set-env WORKFLOW_EMERGENCY_STOP=true\n"
    "  systemctl restart nova_worker",
    no_args_is_help=True,
    rich_markup_mode=None,
)
EnvironmentFile = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="FILE", help="Default: AOS_WORKER_ENV, or /etc/nova/worker.env."
    ),
]


@app.command(
    "set-env", epilog="\b\nExample:\n  aos-workflow config set-env WORKFLOW_ENGINE_ENABLED=false"
)
def set_env(
    pairs: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...")],
    file: EnvironmentFile = None,
    as_json: AsJson = False,
) -> None:
    """Set variables in the file. A service knows of it when it is restarted.

    Only our own settings. A secret is refused: it belongs into a file that nobody else can read.
    """
    _change(Output(as_json=as_json), file, [_pair(text) for text in pairs])


@app.command(
    "unset-env",
    epilog="\b\nExample:\n  aos-workflow config unset-env DEFAULT_WORKFLOW_CEILING_CENTS",
)
def unset_env(
    names: Annotated[list[str], typer.Argument(metavar="NAME...")],
    file: EnvironmentFile = None,
    as_json: AsJson = False,
) -> None:
    """Take variables out of the file, so that the defaults are back."""
    _change(Output(as_json=as_json), file, [(_known(name), None) for name in names])


def _change(output: Output, file: Path | None, changes: list[tuple[str, str | None]]) -> None:
    from aos_workflow import config
    from aos_workflow.golden.atomic import write_atomic

    path = file or config.worker_env()
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for name, value in changes:
        lines = [line for line in lines if line.partition("=")[0].strip() != name]
        lines += [] if value is None else [f"{name}={value}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, "".join(f"{line}\n" for line in lines).encode(), new_mode=0o644)
    for name, value in changes:
        output.line(f"{path}: {name} is {'not set' if value is None else value}")
    output.line("next: systemctl restart nova_worker")
    output.document({"ok": True, "file": str(path), "changed": dict(changes)})


def _pair(text: str) -> tuple[str, str]:
    from aos_workflow.errors import UsageError

    name, sign, value = text.partition("=")
    if not sign or not value.isprintable() or any(c in value for c in " '\"\\$`#"):
        raise UsageError(
            f"expected NAME=VALUE without spaces or quotes, got {name!r} and so on",
            hint="aos-workflow config set-env WORKFLOW_EMERGENCY_STOP=true",
        )
    return _known(name), value


def _known(name: str) -> str:
    from aos_workflow import config
    from aos_workflow.errors import UsageError

    if any(word in name for word in ("SECRET", "KEY", "PASSWORD", "TOKEN", "_URL")):
        raise UsageError(
            f"{name} is or holds a secret, and this file can be read by others",
            hint="put it into /etc/nova/secrets; a new signing key: aos-workflow golden keys new",
        )
    if name not in config.names():
        known = ", ".join(sorted(config.names()))
        raise UsageError(f"{name!r} is no setting of ours", hint=f"one of: {known}")
    return name

"""Starting a keeper."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from aos_workflow.errors import ServerStartError, StackTimeoutError
from aos_workflow.stack.launch import Launch

__all__ = ["start_keeper"]

_LIMIT_S = 60.0
_ESSENCE_LINES = 6


def start_keeper(launch: Launch) -> None:
    """Start a keeper, which starts the server, and wait for what it says about that, or for its death.

    Raises:
        ServerStartError: the server does not come up; quotes its log.
        StackTimeoutError: it says nothing.
    """
    service, folder = launch.service, Path(launch.folder)
    script = str(Path(__file__).with_name("keep.py"))
    with (
        open(folder / "keeper.log", "ab") as log,
        subprocess.Popen(
            [sys.executable, "-I", "-S", script, service, launch.folder],  # the latter for `ps`
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd="/",
            start_new_session=True,
        ) as keeper,
    ):
        try:
            said, _ = keeper.communicate(launch.to_json(), timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise StackTimeoutError(
                f"{service}: no start within {_LIMIT_S:.0f} s", service=service
            ) from None
    report = json.loads(said) if said else None
    if report is not None and not report["ok"]:
        raise ServerStartError(
            f"{service} does not start: {_essence(report['reason'])}",
            service=service,
            hint=f"see {folder}/log and {folder}/keeper.log",
        )


def _essence(log: str) -> str:
    """The end of a log, in one line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return " / ".join(lines[-_ESSENCE_LINES:])

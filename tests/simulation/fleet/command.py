"""The command in processes of its own, with scripted cycles."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.simulation.fleet.scripted import RUNNER

ROOT = Path(__file__).parents[3]
LIMIT_S = 120.0

Process = subprocess.Popen[str]


def command(*arguments: object, script: Sequence[str] = ()) -> list[str]:
    """``aos-workflow shadow ...``, with a script for the cycles of ``run``."""
    words = [word for each in script for word in ("--workflows", each)]
    runner = (
        ["--runner", RUNNER, *words]
        if arguments[0] == "run" and "--resume" not in arguments
        else []
    )
    return [sys.executable, "-m", "aos_workflow.cli", "shadow", *map(str, arguments), *runner]


def run(
    *arguments: object, script: Sequence[str] = (), env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command, to its end."""
    return subprocess.run(
        command(*arguments, script=script),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        timeout=LIMIT_S,
        check=False,
    )


def start(*arguments: object, script: Sequence[str] = (), **given: Any) -> Process:
    """The command, running. Its output goes nowhere."""
    return subprocess.Popen(
        command(*arguments, script=script),
        text=True,
        cwd=ROOT,
        **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **given},
    )


def wait_for(what: Callable[[], bool], limit_s: float = 60.0) -> None:
    """Wait until it is so."""
    until = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < until, "it never became so"
        time.sleep(0.01)


def cycles(folder: Path) -> int:
    """How many cycles the journal counts."""
    try:
        lines = (folder / "journal.jsonl").read_text().splitlines()
        return sum(json.loads(line).get("matches", 0) for line in lines)
    except (OSError, ValueError):
        return 0


def children(pid: int) -> list[int]:
    """The processes below this one, all of them."""
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        text = " ".join((task / "children").read_text() for task in tasks)
    except OSError:
        return []
    found = [int(word) for word in text.split()]
    return [*found, *(each for child in found for each in children(child))]


def alive(pid: int) -> bool:
    """Whether the process is there, and not just waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def kill(pid: int) -> None:
    """Kill it, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return

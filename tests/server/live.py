"""Real processes: the server, workers, and whoever asks them over a socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["FLOWS", "Process", "get", "process"]

FLOWS = """
from aos_workflow.engine import workflow
from aos_workflow.skills import skill

@skill("pay", side_effects="writes", cost_cents=3)
async def pay(amount: int) -> str:
    return f"paid {amount}"

@skill("boom", side_effects="reads")
async def boom() -> str:
    raise RuntimeError("boom")

@workflow("billing")
async def billing(ctx, amount: int):
    return await ctx.step(pay, amount)

@workflow("fails")
async def fails(ctx):
    return await ctx.step(boom)

@workflow("asks")
async def asks(ctx):
    return await ctx.approve("go")
"""
KEY = "a key that is only for these tests"


class Process:
    """One command of ours while it runs; its lines are in ``log``."""

    def __init__(self, running: subprocess.Popen[bytes], log: Path) -> None:
        self.running = running
        self.log = log

    def line(self, event: str, limit_s: float = 30.0) -> dict[str, Any]:
        """The first line with this event; waits for it."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            for text in self.log.read_text().splitlines():
                if f'"event": "{event}"' in text and text.endswith("}"):
                    return json.loads(text)
            if self.running.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"no {event}: {self.log.read_text()}")

    @property
    def port(self) -> int:
        return int(self.line("server_started")["port"])

    @property
    def metrics_port(self) -> int:
        return int(self.line("metrics_shown")["port"])


@contextmanager
def process(folder: Path, *arguments: str, **env: str) -> Iterator[Process]:
    """Run ``aos-workflow`` with these arguments in a folder that has ``flows.py``; ends with SIGTERM."""
    (folder / "flows.py").write_text(FLOWS)
    log = folder / f"{arguments[0]}.{len(list(folder.glob('*.log')))}.log"
    hidden = ("GOLDEN_", "AOS_", "REDIS_URL", "DATABASE_URL")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    ours |= {"AOS_HOME": str(folder / "home"), "GOLDEN_DIR": str(folder / "golden")} | env
    command = [sys.executable, "-m", "aos_workflow.cli", *arguments]
    with log.open("wb") as output:
        running = subprocess.Popen(
            command, cwd=folder, env=ours, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield Process(running, log)
    finally:
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def get(
    port: int, path: str, method: str = "GET", body: Any = None, key: str | None = None
) -> tuple[int, bytes]:
    """Status and body of an answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    if key is not None:
        request.add_header("Authorization", f"Bearer {key}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()

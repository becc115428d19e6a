"""The API under reads at a steady rate, from wrk, while a worker is busy on the same machine."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from aos_workflow.checkpoint import CheckpointStore
from aos_workflow.engine import WorkflowEngine
from aos_workflow.skills import SkillRegistry
from aos_workflow.stack import postgres
from aos_workflow.stack.ports import free_port
from bench.engine import chain, double
from bench.measure import ROOT, BenchError
from bench.report import Figure, Report, Table

__all__ = ["run"]

RATE = 200
CONNECTIONS = 20
BAR_P99_MS = 50.0
RUNS = 500
_TARGETS = ("/workflows/{run}", "/workflows?limit=20", "/workflows/{run}/events", "/health")
_SCRIPT = """
local paths = {{{paths}}}
local n = 0
function request()
  n = n + 1
  return wrk.format("GET", paths[n % #paths + 1])
end
function delay()
  return {delay_ms} + math.random(-20, 20)
end
"""
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def run(*, quick: bool = False) -> Report:
    """Measure one mix of reads; skipped where wrk is not installed."""
    report = Report("api", quick, f"reads at {RATE} a second, beside a busy worker")
    if shutil.which("wrk") is None:
        report.notes.append("wrk is not installed (apt: wrk)")
        return report
    seconds = 3 if quick else 30
    with postgres() as server, tempfile.TemporaryDirectory(prefix="bench-api-") as folder:
        asyncio.run(_fill(server.url))
        port = free_port()
        env = {**os.environ, "DATABASE_URL": server.url, "AOS_HOME": folder}
        env.pop("AOS_API_KEY", None)
        with (
            _process(["serve", "--port", str(port), "--rate", "100000"], env) as serving,
            _process(["worker", "-w", "bench.engine"], env),
        ):
            _wait(port)
            before_s = _cpu_s(serving)
            feeder = asyncio.run(_feeding(server.url, port, seconds, Path(folder)))
            used_s = _cpu_s(serving) - before_s
    rate, latency, bad, runs = feeder
    rows = tuple((name, latency[name]) for name in ("50%", "75%", "90%", "99%"))
    report.tables.append(Table("latency of reads, ms", ("percentile", "ms"), rows))
    report.figures += [
        Figure("requests a second", rate, "requests/s"),
        Figure("p99 of reads", latency["99%"], "ms", BAR_P99_MS, "lower"),
        Figure("CPU of the server for a request", used_s / (rate * seconds) * 1000, "ms"),
        Figure("answers that are no success", bad, "answers", 0, "exact"),
        Figure("runs that the worker did meanwhile", runs, "runs"),
    ]
    report.notes.append(f"{CONNECTIONS} connections of wrk; the mix: {', '.join(_TARGETS)}")
    return report


async def _fill(url: str) -> None:
    """Runs to read."""
    async with CheckpointStore(url) as store:
        engine = WorkflowEngine(SkillRegistry(double), store, workflows=[chain], policy=None)
        await asyncio.gather(
            *(engine.run("chain", run_id=f"run-{number}", seed=number) for number in range(RUNS))
        )
        await engine.close()


async def _feeding(
    url: str, port: int, seconds: int, folder: Path
) -> tuple[float, dict[str, float], float, float]:
    """wrk, while ten runs are queued again and again: what it says, and how many runs there were."""
    count = 0
    async with CheckpointStore(url) as store:
        engine = WorkflowEngine(SkillRegistry(double), store, workflows=[chain], policy=None)
        asking = asyncio.create_task(asyncio.to_thread(_wrk, port, seconds, folder))
        while not asking.done():
            for _ in range(10):
                await engine.start("chain", seed=count)
                count += 1
            await asyncio.sleep(0.2)
        return *await asking, count


def _wrk(port: int, seconds: int, folder: Path) -> tuple[float, dict[str, float], float]:
    paths = ", ".join(f'"{path.format(run=f"run-{n}")}"' for n in range(50) for path in _TARGETS)
    script = folder / "reads.lua"
    delay_ms = CONNECTIONS * 1000 // RATE
    script.write_text(_SCRIPT.format(paths=paths, delay_ms=delay_ms))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script)]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True
    )
    text = done.stdout
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", text)[0])
    found = re.findall(r"^\s+(50%|75%|90%|99%)\s+([\d.]+)(us|ms|s)$", text, re.MULTILINE)
    latency = {name: round(float(number) * _MS[unit], 2) for name, number, unit in found}
    bad = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", text)))
    bad += sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", text)))
    return rate, latency, float(bad)


@contextmanager
def _process(arguments: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "aos_workflow.cli", *arguments]
    running = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(30)


def _cpu_s(running: subprocess.Popen[bytes]) -> float:
    times = psutil.Process(running.pid).cpu_times()
    return float(times.user + times.system)


def _wait(port: int) -> None:
    from urllib.request import urlopen

    for _ in range(200):
        try:
            with urlopen(f"http://127.0.0.1:{port}/ready", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise BenchError("the server does not come up")

"""Reads without a pause, workers killed, the database taken away: 503 at worst, and nothing lost."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.databases import fresh_database, server
from tests.server.live import Process, get, process
from tests.stack_homes import open_folder

from aos_workflow.checkpoint import CheckpointStore
from aos_workflow.checkpoint.records import RunFilter

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed"),
]
SECONDS = 60
KILL_EVERY_S = 5.0


@contextmanager
def started_runs(port: int) -> Iterator[tuple[list[str], Counter[int]]]:
    """Start runs all the time; who was told 202 must find the run later."""
    accepted: list[str] = []
    codes: Counter[int] = Counter()
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            body = {"workflow": "billing", "run_id": f"fire-{number}", "inputs": {"amount": 1}}
            try:
                code, _ = get(port, "/workflows", "POST", body)
            except OSError:
                code = 0
            codes[code] += 1
            if code == 202:
                accepted.append(f"fire-{number}")
                number += 1
            stop.wait(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield accepted, codes
    finally:
        stop.set()
        thread.join(60)


def test_nothing_but_503_and_nothing_lost(tmp_path: Path) -> None:
    with open_folder() as home, server(home) as postgres, fresh_database(postgres) as url:
        env = {"DATABASE_URL": url}
        options = ("--port", "0", "-w", "flows", "--rate", "100000")
        with process(tmp_path, "serve", *options, **env) as api:
            assert get(api.port, "/ready")[0] == 200
            with started_runs(api.port) as (accepted, codes):
                said = fire(tmp_path, api, env, url)
            assert re.search(r"Requests/sec", said), said
            assert not re.search(r"Socket errors: connect [^0]|Socket errors: .*read [^0]", said), (
                said
            )
            finish(tmp_path, env, accepted, url)
            shown = get(api.port, "/metrics")[1].decode()
            wrong = re.findall(r'requests_total\{.*code="(5\d\d)"\}', shown)
            assert set(wrong) <= {"503"}
            assert set(codes) <= {202, 503, 429}
            assert codes[202] > 100


def fire(tmp_path: Path, api: Process, env: dict[str, str], url: str) -> str:
    """wrk for a minute; a worker killed every 5 s; all connections of the database cut now and then."""
    command = [
        "wrk",
        "-t1",
        "-c8",
        f"-d{SECONDS}s",
        f"http://127.0.0.1:{api.port}/workflows?limit=5",
    ]
    end = time.monotonic() + SECONDS
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as wrk:
        while time.monotonic() < end:
            options = ("-w", "flows", "--dead-after", "2")
            with process(tmp_path, "worker", *options, **env) as worker:
                time.sleep(KILL_EVERY_S)
                asyncio.run(cut(url))
                worker.running.send_signal(signal.SIGKILL)
                worker.running.wait(10)
        assert wrk.stdout is not None
        return wrk.stdout.read()


async def cut(url: str) -> None:
    """End every other connection to the database, as its failover would."""
    import asyncpg

    connection = await asyncpg.connect(url)
    await connection.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()


def finish(tmp_path: Path, env: dict[str, str], accepted: list[str], url: str) -> None:
    """Every run that was accepted is there and comes to its end."""
    with ExitStack() as stack:
        options = ("-w", "flows", "--dead-after", "2", "--concurrency", "50")
        stack.enter_context(process(tmp_path, "worker", *options, **env))
        end = time.monotonic() + 180
        while time.monotonic() < end:
            found = asyncio.run(statuses(url))
            if set(accepted) <= set(found) and set(found.values()) == {"completed"}:
                return
            time.sleep(1)
    left = {name: status for name, status in found.items() if status != "completed"}
    raise AssertionError((len(accepted), len(found), sorted(left.items())[:20]))


async def statuses(url: str) -> dict[str, str]:
    async with CheckpointStore(url) as store:
        found = await store.list_runs(RunFilter(limit=100_000))
    return {head.run_id: head.status.value for head in found}

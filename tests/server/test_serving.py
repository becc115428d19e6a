"""The server as a process of its own, on a real database, beside a worker."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.databases import fresh_database, server
from tests.server.live import KEY, Process, get, process
from tests.stack_homes import open_folder

from aos_workflow.stack import PostgresServer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with open_folder() as home, server(home) as found:
        yield found


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture(scope="module")
def api(folder: Path, database: str) -> Iterator[Process]:
    options = ("--port", "0", "-w", "flows", "--rate", "100000", "--log-file", "server-file.log")
    with process(folder, "serve", *options, DATABASE_URL=database, AOS_API_KEY=KEY) as found:
        assert found.port
        yield found


@pytest.fixture(scope="module")
def worker(folder: Path, database: str, api: Process) -> Iterator[Process]:
    options = ("-w", "flows", "--metrics-port", "0")
    with process(folder, "worker", *options, DATABASE_URL=database) as found:
        found.line("worker_started")
        yield found


def until(found: Callable[[], Any], limit_s: float = 20.0) -> Any:
    """What is found, once it is."""
    end = time.monotonic() + limit_s
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return value


def ask(api: Process, path: str, method: str = "GET", body: Any = None) -> Any:
    status, text = get(api.port, path, method, body, KEY)
    assert status < 400, text
    return json.loads(text)


def start(api: Process, name: str, run_id: str, **fields: Any) -> None:
    ask(api, "/workflows", "POST", {"workflow": name, "run_id": run_id, **fields})


def ended(api: Process, run_id: str) -> dict[str, Any]:
    def run() -> Any:
        found = ask(api, f"/workflows/{run_id}")
        return found if found["completed_at"] or found["status"] == "suspended" else None

    return dict(until(run))


def test_the_exact_body_of_health(api: Process) -> None:
    assert get(api.port, "/health") == (200, b'{"status": "healthy"}')
    assert get(api.port, "/ready")[0] == 200


def test_a_key_is_asked_for(api: Process) -> None:
    assert get(api.port, "/workflows")[0] == 401
    assert get(api.port, "/workflows", key="something else, and long")[0] == 401
    assert get(api.port, "/workflows", key=KEY)[0] == 200


def test_runs_are_started_executed_failed_and_resumed(api: Process, worker: Process) -> None:
    start(api, "billing", "b1", inputs={"amount": 5})
    assert ended(api, "b1")["output"] == "paid 5"
    start(api, "fails", "f1")
    assert ended(api, "f1")["error_code"] == "EXECUTION_ERROR"
    status, text = get(api.port, "/workflows/f1/resume", "POST", key=KEY)
    assert (status, json.loads(text)["status"]) == (202, "queued")
    assert ended(api, "f1")["status"] == "failed"
    assert get(api.port, "/workflows/b1/resume", "POST", key=KEY)[0] == 409
    assert get(api.port, "/workflows/b1/resume", "POST")[0] == 401
    assert get(api.port, "/workflows/no/resume", "POST", key=KEY)[0] == 404
    assert get(api.port, "/workflows/nope/resume", "POST", key=KEY)[0] == 404


def test_goldens_are_verified_and_replayed_in_a_process_of_their_own(
    api: Process, worker: Process, folder: Path
) -> None:
    start(api, "billing", "g1", inputs={"amount": 7})
    ended(api, "g1")
    path = folder / "golden" / "g1.steps.jsonl"
    until(path.exists)
    assert ask(api, "/workflows/g1/golden/verify", "POST")["ok"] is True
    assert ask(api, "/workflows/g1/golden/replay", "POST")["ok"] is True
    flows = folder / "flows.py"
    text = flows.read_text()
    flows.write_text(text.replace("ctx.step(pay, amount)", "ctx.step(pay, amount + 1)"))
    try:
        found = ask(api, "/workflows/g1/golden/replay", "POST")
    finally:
        flows.write_text(text)
    assert (found["ok"], found["code"]) == (False, "REPLAY_DIVERGENCE")
    shown = get(api.port, "/metrics")[1].decode()
    assert "nova_workflow_replay_failures_total 1" in shown


def test_events_are_streamed_while_they_happen(api: Process, worker: Process) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as connection:
        start(api, "asks", "s1")
        request = f"GET /workflows/s1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n"
        connection.sendall(request.encode())
        seen = b""
        while b"retry: 2000" not in seen:
            seen += connection.recv(4096)
        assert ended(api, "s1")["status"] == "suspended"
        answer = {"name": "go", "decision": "approved", "payload": 1}
        ask(api, "/workflows/s1/approvals", "POST", answer)
        while b"event: run_end" not in seen:
            part = connection.recv(4096)
            assert part, seen
            seen += part
    assert b'"status":"completed"' in seen


def test_workers_and_metrics_as_the_runbooks_ask_for_them(api: Process, worker: Process) -> None:
    start(api, "billing", "m1", inputs={"amount": 1})
    ended(api, "m1")
    (found,) = json.loads(get(api.port, "/workers/status")[1])["workers"]
    assert found["state"] == "alive"
    shown = get(api.port, "/metrics")[1].decode()
    assert "workflow_checkpoint_duration_seconds_bucket" in shown
    counted = get(worker.metrics_port, "/metrics")[1].decode()
    assert 'workflow_executions_total{workflow="billing",status="completed"}' in counted
    assert "nova_workflow_worker_slots 10" in counted


def test_the_log_has_the_key_nowhere_and_the_file_what_the_output_has(
    api: Process, folder: Path
) -> None:
    get(api.port, "/workflows", key=KEY)
    text = until(lambda: api.log.read_text())
    assert KEY not in text
    assert '"by": "api:environment"' in text
    assert '"event": "server_started"' in (folder / "server-file.log").read_text()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_it_does_not_listen_elsewhere_without_a_key(folder: Path, host: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AOS_")}
    done = subprocess.run(
        [sys.executable, "-m", "aos_workflow.cli", "serve", "--host", host, "--port", "0"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "without a key" in done.stderr


def test_a_port_in_use_is_bad_input(api: Process, folder: Path, database: str) -> None:
    with process(folder, "serve", "--port", str(api.port), DATABASE_URL=database) as second:
        assert second.running.wait(30) == 2
        assert "cannot listen on" in second.log.read_text()


def test_keys_are_made_used_and_removed(folder: Path, database: str) -> None:
    def keys(*arguments: str) -> Any:
        command = [sys.executable, "-m", "aos_workflow.cli", "api-keys", *arguments, "--json"]
        env = {**os.environ, "AOS_API_KEYS_FILE": str(folder / "keys")}
        done = subprocess.run(command, env=env, capture_output=True, timeout=30, check=False)
        return json.loads(done.stdout)

    made = keys("add", "ci", "--scope", "read", "--tenant", "acme")
    assert keys("add", "ci")["ok"] is False
    assert keys("list")["keys"] == [{"id": "ci", "scope": "read", "tenant": "acme"}]
    options = ("--port", "0", "--keys-file", "keys")
    with process(folder, "serve", *options, DATABASE_URL=database) as found:
        assert get(found.port, "/workflows", key=made["key"]) == (200, b'{"runs":[],"next":null}')
        assert get(found.port, "/workflows", "POST", {"workflow": "x"}, made["key"])[0] == 403
    assert keys("remove", "ci")["ok"] is True
    assert keys("list")["keys"] == []
    assert keys("add", "x", "--scope", "root")["error"]["code"] == "USAGE"


def test_it_ends_on_sigterm_also_while_a_stream_is_open(folder: Path, database: str) -> None:
    with process(folder, "serve", "--port", "0", "-w", "flows", DATABASE_URL=database) as found:
        body = {"workflow": "asks", "run_id": "open", "queue": "nobody"}
        assert get(found.port, "/workflows", "POST", body)[0] == 202
        with socket.create_connection(("127.0.0.1", found.port), timeout=20) as connection:
            connection.sendall(
                b"GET /workflows/open/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
            assert connection.recv(100)
            found.running.send_signal(signal.SIGTERM)
            assert found.running.wait(20) == 0
        assert found.line("server_stopped")


def test_schemathesis_finds_nothing(api: Process, worker: Process, folder: Path) -> None:
    start(api, "billing", "known", inputs={"amount": 1})
    ended(api, "known")
    done = schemathesis(api, folder, examples=1, phases="fuzzing")
    assert done.returncode == 0, done.stdout[-6000:]
    assert '"status": 5' not in api.log.read_text()


@pytest.mark.slow
def test_schemathesis_finds_nothing_in_depth(api: Process, worker: Process, folder: Path) -> None:
    done = schemathesis(api, folder, examples=100, phases="examples,coverage,fuzzing,stateful")
    assert done.returncode == 0, done.stdout[-6000:]
    assert '"status": 5' not in api.log.read_text()


def schemathesis(
    api: Process, folder: Path, *, examples: int, phases: str
) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("schemathesis")
    if not program.exists():
        pytest.skip("schemathesis is not installed")
    command = [
        str(program),
        "run",
        f"http://127.0.0.1:{api.port}/openapi.json",
        *("-H", f"Authorization: Bearer {KEY}", "--checks", "all", "--no-color"),
        *("--max-examples", str(examples), "--phases", phases, "--seed", "1"),
    ]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=1200, check=False
    )

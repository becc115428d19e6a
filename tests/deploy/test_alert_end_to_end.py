"""A failure rate that is driven up, and what follows of it: real processes, a real Prometheus, the shipped rules."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.databases import fresh_database, server
from tests.deploy.material import RULES
from tests.server.live import Process, get, process
from tests.stack_homes import open_folder

from aos_workflow.stack.ports import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("prometheus") is None, reason="prometheus is not installed (apt: prometheus)"
    ),
]
SETTINGS = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: nova
    static_configs: [{{targets: ["127.0.0.1:{server}", "127.0.0.1:{worker}"]}}]
"""


@contextmanager
def prometheus(folder: Path, api: Process, worker: Process) -> Iterator[int]:
    port = free_port()
    settings = folder / "prometheus.yml"
    settings.write_text(SETTINGS.format(rules=RULES, server=api.port, worker=worker.metrics_port))
    command = [
        "prometheus",
        f"--config.file={settings}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield port
    finally:
        running.terminate()
        running.wait(20)


def until(found: Callable[[], Any], limit_s: float = 60.0) -> Any:
    end = time.monotonic() + limit_s
    while True:
        try:
            if value := found():
                return value
        except OSError:
            pass
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.2)


def firing(port: int) -> dict[str, dict[str, str]]:
    """Labels of the alerts that fire, by name: what the runbook asks with curl and jq."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/alerts", timeout=5) as answer:
        alerts = json.load(answer)["data"]["alerts"]
    return {a["labels"]["alertname"]: a["labels"] for a in alerts if a["state"] == "firing"}


def value(port: int, query: str) -> float | None:
    url = f"http://127.0.0.1:{port}/api/v1/query?query={query}"
    with urllib.request.urlopen(url, timeout=5) as answer:
        result = json.load(answer)["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def test_failing_runs_fire_their_alert_and_a_healthy_stack_none(tmp_path: Path) -> None:
    with open_folder() as home, server(home) as postgres, fresh_database(postgres) as url:
        options = {"DATABASE_URL": url}
        with (
            process(tmp_path, "serve", "--port", "0", "-w", "flows", **options) as api,
            process(tmp_path, "worker", "-w", "flows", "--metrics-port", "0", **options) as worker,
            prometheus(tmp_path, api, worker) as port,
        ):
            worker.line("worker_started")
            until(lambda: value(port, "sum(up)") == 2)
            start(api, "billing", {"amount": 1}, 8)
            until(lambda: value(port, "sum(workflow_executions_total)"))
            assert value(port, "nova_workflow_database_up") == 1
            assert firing(port) == {}
            began = time.monotonic()
            start(api, "fails", {}, 4)
            labels = until(lambda: firing(port).get("WorkflowFailureRateHigh"))
            assert (labels["severity"], labels["priority"]) == ("error", "P1")
            assert time.monotonic() - began < 30
            tamper(tmp_path, api)
            until(
                lambda: (
                    {"WorkflowGoldenFileMismatch", "WorkflowGoldenTamperDetected"}
                    <= {*firing(port)}
                )
            )
            assert firing(port)["WorkflowGoldenTamperDetected"]["team"] == "security"


def start(api: Process, name: str, inputs: dict[str, Any], count: int) -> None:
    for number in range(count):
        body = {"workflow": name, "run_id": f"{name}-{number}", "inputs": inputs}
        status, text = get(api.port, "/workflows", "POST", body)
        assert status == 202, text


def tamper(folder: Path, api: Process) -> None:
    path = folder / "golden" / "billing-0.steps.jsonl"
    until(path.exists)
    path.write_bytes(path.read_bytes().replace(b"paid 1", b"paid 9"))
    status, text = get(api.port, "/workflows/billing-0/golden/verify", "POST")
    assert (status, json.loads(text)["code"]) == (200, "TAMPER_DETECTED")

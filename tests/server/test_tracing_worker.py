"""A worker with ``--trace``: the loaded module says where spans go."""

from __future__ import annotations

import json
from pathlib import Path

from tests.databases import fresh_database, server
from tests.server.live import process
from tests.stack_homes import open_folder

TRACED = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

provider = TracerProvider()
exporter = ConsoleSpanExporter(out=open("spans", "w"), formatter=lambda span: span.to_json(indent=None) + "\\n")
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
"""
START = ("start", "billing", "-w", "flows", "--input", '{"amount": 1}', "--run-id", "r1")


def test_a_worker_leaves_spans(tmp_path: Path) -> None:
    (tmp_path / "traced.py").write_text(TRACED)
    with open_folder() as home, server(home) as postgres, fresh_database(postgres) as url:
        with process(tmp_path, *START, DATABASE_URL=url) as starting:
            assert starting.running.wait(30) == 0, starting.log.read_text()
        options = ("-w", "traced", "-w", "flows", "--trace", "--until-idle")
        with process(tmp_path, "worker", *options, DATABASE_URL=url) as worker:
            assert worker.running.wait(30) == 0, worker.log.read_text()
    spans = [json.loads(line) for line in (tmp_path / "spans").read_text().splitlines()]
    names = [span["name"] for span in spans]
    assert names == ["step pay", "run billing"], worker.log.read_text()
    assert spans[0]["parent_id"] == spans[1]["context"]["span_id"]

"""The reference of metrics, alerts and the API is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import FastAPI
from tests.deploy.material import alerts
from tests.meta.repository import ROOT

from aos_workflow.metrics import CATALOGUE
from aos_workflow.server import controls, events, goldens, operations, people, runs
from aos_workflow.server.openapi import document

PAGES = ROOT / "docs" / "reference"


def rows(page: Path, cells: int) -> list[list[str]]:
    found = [line.strip("| ").split(" | ") for line in page.read_text("utf-8").splitlines()]
    return [row for row in found if len(row) == cells and row[0].startswith("`")]


def test_metrics() -> None:
    told = {row[0].strip("`"): row[1:] for row in rows(PAGES / "metrics.md", 5)}
    assert set(told) == {metric.name for metric in CATALOGUE}
    for metric in CATALOGUE:
        kind, labels, source, text = told[metric.name]
        assert (kind, source, text) == (metric.kind, metric.source, metric.help)
        assert re.findall(r"`(\w+)`", labels) == list(metric.labels)


def test_alerts() -> None:
    told = {row[0].strip("`"): row[1:] for row in rows(PAGES / "alerts.md", 5)}
    assert set(told) == {alert["alert"] for alert in alerts()}
    for alert in alerts():
        priority, severity, after, link = told[alert["alert"]]
        assert (priority, severity) == (alert["labels"]["priority"], alert["labels"]["severity"])
        assert after == alert.get("for", "at once")
        target = alert["annotations"]["runbook_url"].replace("docs/", "../")
        assert f"({target})" in link


def test_every_request_of_the_api() -> None:
    app = FastAPI()
    for module in (operations, runs, events, people, goldens, controls):
        app.include_router(module.router)
    paths = document(app)()["paths"]
    there = {f"{method.upper()} {path}" for path, found in paths.items() for method in found}
    told = [row[0].strip("`") for row in rows(PAGES / "api.md", 3)]
    assert sorted(told) == sorted(there)

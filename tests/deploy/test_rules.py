"""Every alert, on both sides of its threshold, with the real promtool."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.material import DEPLOY, RULES, alerts, expressions, metric_names
from tests.meta.repository import ROOT

from aos_workflow.metrics import CATALOGUE

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (apt: prometheus)"
)
SAVE = "nova_workflow_checkpoint_save_seconds_bucket"
FAILED = 'nova_workflow_runs_total{status="failed"}'
COMPLETED = 'nova_workflow_runs_total{status="completed"}'


@dataclass(frozen=True)
class Case:
    """``series`` in promtool's notation, at one minute a value; whether the alert fires ``at``."""

    alert: str
    series: dict[str, str]
    at: str
    fires: bool

    @property
    def name(self) -> str:
        return f"{self.alert}-{'fires' if self.fires else 'silent'}-{self.at}"


def new_failure(name: str) -> list[tuple[dict[str, str], str, bool]]:
    """Of a counter of which any increase in five minutes counts, also when it was never seen at zero."""
    return [
        ({name: "0x10"}, "10m", False),
        ({name: "0x5 1x10"}, "6m", True),
        ({name: "0x5 1x20"}, "15m", False),
        ({name: "_x5 1x20"}, "7m", True),
        ({name: "_x5 1x20"}, "15m", False),
        ({name: "7x20"}, "15m", False),
    ]


def saving(below: str, above: str, seconds_edges: tuple[str, str]) -> dict[str, str]:
    """All checkpoints between two edges."""
    low, high = seconds_edges
    return {
        f'{SAVE}{{le="{low}"}}': below,
        f'{SAVE}{{le="{high}"}}': above,
        f'{SAVE}{{le="+Inf"}}': above,
    }


CASES: dict[str, list[tuple[dict[str, str], str, bool]]] = {
    "WorkflowFailureRateHigh": [
        ({FAILED: "0+11x10", COMPLETED: "0+89x10"}, "6m", True),
        ({FAILED: "0+10x10", COMPLETED: "0+90x10"}, "6m", False),
        ({FAILED: "0+9x10", COMPLETED: "0+91x10"}, "6m", False),
        ({FAILED: "0x10", COMPLETED: "0x10"}, "6m", False),
    ],
    "WorkflowReplayFailure": new_failure("nova_workflow_replay_failures_total"),
    "WorkflowReplayFailuresMany": [
        ({"nova_workflow_replay_failures_total": "0 0 7x60"}, "10m", True),
        ({"nova_workflow_replay_failures_total": "0 0 4x60"}, "10m", False),
    ],
    "WorkflowCheckpointSaveFailure": new_failure(
        'nova_workflow_checkpoint_save_failures_total{code="STORE_UNAVAILABLE"}'
    ),
    "WorkflowCheckpointLatencyCritical": [
        (saving("0+0x20", "0+60x20", ("1", "2.5")), "8m", True),
        (saving("0+0x20", "0+60x20", ("1", "2.5")), "2m", False),
        (saving("0+0x20", "0+60x20", ("0.5", "1")), "8m", False),
    ],
    "WorkflowCheckpointLatencyHigh": [
        (saving("0+0x20", "0+60x20", ("0.5", "1")), "12m", True),
        (saving("0+0x20", "0+60x20", ("0.5", "1")), "4m", False),
        (saving("0+0x20", "0+60x20", ("0.2", "0.5")), "12m", False),
    ],
    "WorkflowGoldenFileMismatch": new_failure(
        'nova_workflow_golden_mismatches_total{cause="content"}'
    ),
    "WorkflowGoldenTamperDetected": [
        *new_failure('nova_workflow_golden_mismatches_total{cause="tampered"}'),
        ({'nova_workflow_golden_mismatches_total{cause="content"}': "0x5 1x10"}, "6m", False),
    ],
    "WorkflowFailuresWarning": [
        ({FAILED: "0+6x10"}, "6m", True),
        ({FAILED: "0+5x10"}, "6m", False),
        ({FAILED: "0+4x10"}, "6m", False),
    ],
    "WorkflowFailuresCritical": [
        ({FAILED: "0+21x10"}, "6m", True),
        ({FAILED: "0+20x10"}, "6m", False),
        ({FAILED: "0+19x10"}, "6m", False),
    ],
    "WorkflowRunStaleWarning": [
        ({'nova_workflow_running_age_seconds{run_id="r"}': "601x5"}, "1m", True),
        ({'nova_workflow_running_age_seconds{run_id="r"}': "600x5"}, "1m", False),
    ],
    "WorkflowRunStale": [
        ({'nova_workflow_running_age_seconds{run_id="r"}': "3601x5"}, "1m", True),
        ({'nova_workflow_running_age_seconds{run_id="r"}': "3600x5"}, "1m", False),
    ],
    "WorkflowShadowMismatch": [
        ({'nova_workflow_shadow_mismatches_total{folder="f"}': "0x5 1x20"}, "6m", True),
        ({'nova_workflow_shadow_mismatches_total{folder="f"}': "_x5 2x40"}, "7m", True),
        ({'nova_workflow_shadow_mismatches_total{folder="f"}': "0x20"}, "6m", False),
    ],
    "WorkflowShadowStalled": [
        ({'nova_workflow_shadow_updated_timestamp_seconds{state="running"}': "1x20"}, "8m", True),
        ({'nova_workflow_shadow_updated_timestamp_seconds{state="running"}': "1x20"}, "5m", False),
        ({'nova_workflow_shadow_updated_timestamp_seconds{state="done"}': "1x20"}, "8m", False),
    ],
    "WorkflowCheckpointStoreDown": [
        ({"nova_workflow_database_up": "1x3 0x10"}, "6m", True),
        ({"nova_workflow_database_up": "1x3 0x10"}, "4m", False),
        ({"nova_workflow_database_up": "1x10"}, "6m", False),
    ],
    "WorkflowBudgetStoreDown": new_failure("nova_workflow_policy_store_losses_total"),
    "WorkflowStepsSlow": [
        (
            {
                'workflow_step_duration_seconds_bucket{skill="s",le="30"}': "0+0x40",
                'workflow_step_duration_seconds_bucket{skill="s",le="60"}': "0+60x40",
                'workflow_step_duration_seconds_bucket{skill="s",le="+Inf"}': "0+60x40",
            },
            "25m",
            True,
        ),
        (
            {
                'workflow_step_duration_seconds_bucket{skill="s",le="10"}': "0+0x40",
                'workflow_step_duration_seconds_bucket{skill="s",le="30"}': "0+60x40",
                'workflow_step_duration_seconds_bucket{skill="s",le="+Inf"}': "0+60x40",
            },
            "25m",
            False,
        ),
    ],
    "WorkflowTargetDown": [
        ({'up{job="nova"}': "1 0x10"}, "4m", True),
        ({'up{job="nova"}': "1 0x10"}, "2m", False),
        ({'up{job="other"}': "1 0x10"}, "4m", False),
    ],
    "WorkflowNoWorkers": [
        (
            {
                'nova_workflow_workers{state="alive"}': "0x10",
                'nova_workflow_queue_depth{queue="default"}': "1x10",
            },
            "3m",
            True,
        ),
        (
            {
                'nova_workflow_workers{state="alive"}': "1x10",
                'nova_workflow_queue_depth{queue="default"}': "1x10",
            },
            "3m",
            False,
        ),
        ({'nova_workflow_workers{state="alive"}': "0x10"}, "3m", False),
    ],
    "WorkflowWorkerDead": [
        ({'nova_workflow_workers{state="dead"}': "1x20"}, "6m", True),
        ({'nova_workflow_workers{state="dead"}': "1x20"}, "4m", False),
        ({'nova_workflow_workers{state="dead"}': "0x20"}, "6m", False),
    ],
    "WorkflowQueueSlow": [
        ({'nova_workflow_queue_oldest_seconds{queue="q"}': "61x20"}, "6m", True),
        ({'nova_workflow_queue_oldest_seconds{queue="q"}': "60x20"}, "6m", False),
    ],
    "WorkflowLeaseLosses": [
        ({"nova_workflow_lease_losses_total": "0+2x10"}, "6m", True),
        ({"nova_workflow_lease_losses_total": "0+1x10"}, "6m", False),
    ],
    "WorkflowBudgetExceeded": [
        ({'nova_workflow_policy_refusals_total{reason="budget"}': "0x3 1x10"}, "5m", True),
        ({'nova_workflow_policy_refusals_total{reason="rate"}': "0x3 1x10"}, "5m", False),
    ],
    "WorkflowApiErrors": [
        (
            {
                'nova_workflow_http_requests_total{code="503"}': "0+6x20",
                'nova_workflow_http_requests_total{code="200"}': "0+94x20",
            },
            "12m",
            True,
        ),
        (
            {
                'nova_workflow_http_requests_total{code="503"}': "0+5x20",
                'nova_workflow_http_requests_total{code="200"}': "0+95x20",
            },
            "12m",
            False,
        ),
    ],
    "WorkflowEmergencyStopActive": [
        ({"nova_workflow_emergency_stop": "1x30"}, "16m", True),
        ({"nova_workflow_emergency_stop": "1x30"}, "14m", False),
    ],
}


def test_every_alert_has_cases_on_both_sides() -> None:
    assert set(CASES) == {alert["alert"] for alert in alerts()}
    for name, cases in CASES.items():
        assert {fires for _, _, fires in cases} == {True, False}, name


@needs_promtool
def test_promtool_accepts_the_rules() -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", "--lint-fatal", str(RULES)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@needs_promtool
def test_every_alert_fires_when_it_should_and_not_before(tmp_path: Path) -> None:
    """All cases in one run of promtool, which names the ones that fail."""
    rules = {alert["alert"]: alert for alert in alerts()}
    cases = [Case(name, *case) for name, found in CASES.items() for case in found]
    groups = [_group(case, rules[case.alert]) for case in cases]
    file = tmp_path / "rules.test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": groups}))
    done = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _group(case: Case, rule: dict[str, Any]) -> dict[str, Any]:
    """A test that asks whether the alert is firing, whatever its labels and value."""
    labels = f'alertname="{case.alert}",alertstate="firing",priority="{rule["labels"]["priority"]}"'
    count = f"count(ALERTS{{{labels}}}) or vector(0)"
    samples = [{"labels": "{}", "value": 1 if case.fires else 0}]
    return {
        "name": case.name,
        "interval": "1m",
        "input_series": [{"series": s, "values": v} for s, v in case.series.items()],
        "promql_expr_test": [{"expr": count, "eval_time": case.at, "exp_samples": samples}],
    }


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_each_alert_says_how_bad_it_is_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("info", "warning", "error", "critical")
    assert re.fullmatch("P[0-3]", alert["labels"]["priority"])
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    text = (ROOT / page).read_text(encoding="utf-8")
    if anchor:
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        slugs = {
            re.sub(r"[^\w\- ]", "", line.lower()).strip().replace(" ", "-") for line in headings
        }
        assert anchor in slugs | set(re.findall(r'<a id="([^"]+)"', text))


def test_rules_use_metrics_that_there_are() -> None:
    known = {metric.name for metric in CATALOGUE} | {"up"}
    recorded = {"nova:workflow_failure_ratio:rate5m"}
    for expression in expressions():
        assert metric_names(expression) <= known | recorded, expression


def test_alertmanager_sends_tampering_to_security() -> None:
    settings = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
    receivers = {receiver["name"] for receiver in settings["receivers"]}
    used = {route["receiver"] for route in settings["route"]["routes"]}
    assert used | {settings["route"]["receiver"]} <= receivers
    assert any(route["receiver"] == "security" for route in settings["route"]["routes"])
    names = {alert["alert"] for alert in alerts()}
    for rule in settings["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            assert matcher.partition("=")[2].strip('"') in names


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")
def test_amtool_accepts_the_settings() -> None:
    file = DEPLOY / "alertmanager" / "alertmanager.yml"
    done = subprocess.run(["amtool", "check-config", str(file)], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

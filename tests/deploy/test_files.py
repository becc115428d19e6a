"""Dashboard, units, compose file and manifests: valid, and of options, metrics and paths that there are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.material import DEPLOY, RULES, dashboard_queries, expressions, metric_names

from aos_workflow.metrics import CATALOGUE

COMPOSE = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text(encoding="utf-8"))
MANIFESTS = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "nova.yaml").read_text("utf-8")))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
BOARD = json.loads((DEPLOY / "grafana" / "nova.json").read_text(encoding="utf-8"))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_every_query_of_the_dashboard_parses(tmp_path: Path) -> None:
    queries = [*dashboard_queries(), BOARD["annotations"]["list"][0]["expr"]]
    rules = [{"record": f"panel:{n}", "expr": query} for n, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", "--lint=none", str(file)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_dashboard_uses_metrics_that_there_are_and_shows_all_but_a_few() -> None:
    known = {metric.name for metric in CATALOGUE}
    recorded = {"nova:workflow_failure_ratio:rate5m"}
    used = set().union(*map(metric_names, dashboard_queries()))
    assert used <= known | recorded
    assert known - used == set()


def test_panels_stand_side_by_side_and_have_ids_of_their_own() -> None:
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in BOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in BOARD["panels"])


def test_every_alert_can_be_seen_on_the_dashboard() -> None:
    shown = set().union(*map(metric_names, dashboard_queries()))
    alerting = set().union(*map(metric_names, expressions())) - {"up"}
    assert alerting <= shown


# units


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_systemd_accepts_the_units(unit: Path, tmp_path: Path) -> None:
    program = tmp_path / "aos-workflow"
    program.touch(mode=0o755)
    text = unit.read_text().replace("/opt/nova/bin/aos-workflow", str(program))
    copy = tmp_path / unit.name
    copy.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, ours) == (0, []), done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_units_read_the_secrets_and_drain(unit: Path) -> None:
    text = unit.read_text()
    assert "EnvironmentFile=-/etc/nova/secrets" in text
    assert "EnvironmentFile=-/etc/nova/worker.env" in text
    assert text.index("worker.env") < text.index("/etc/nova/secrets")
    assert "KillSignal=SIGTERM" in text
    assert int(re.findall(r"TimeoutStopSec=(\d+)", text)[0]) > 30  # longer than --drain


def test_the_worker_logs_where_the_runbook_looks() -> None:
    assert (
        "AOS_LOG_FILE=/var/log/nova/worker.log"
        in (DEPLOY / "systemd" / "nova_worker.service").read_text()
    )


# commands


def commands() -> list[list[str]]:
    """Every command of ours that a deployment runs."""
    found = [
        service["command"]
        for service in COMPOSE["services"].values()
        if service.get("image") == "aos-workflow"
    ]
    for manifest in MANIFESTS:
        if manifest["kind"] in ("Deployment", "Job"):
            spec = manifest["spec"]["template"]["spec"]
            found += [container["args"] for container in spec["containers"]]
    for unit in UNITS:
        (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
        found.append(line.split()[1:])
    return found


@cache
def options_of(*command: str) -> set[str]:
    arguments = [sys.executable, "-m", "aos_workflow.cli", *command, "--help"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=True)
    return set(re.findall(r"--[a-z-]+", done.stdout))


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_commands_have_these_options(command: list[str]) -> None:
    words = [word for word in command[:2] if word.isalpha()]
    names = words if words[0] == "db" else words[:1]
    used = {word for word in command if word.startswith("--")}
    assert used <= options_of(*names)


# compose


def test_the_compose_file_has_the_services_of_the_runbook() -> None:
    services = COMPOSE["services"]
    assert {"db", "redis", "backend", "worker", "prometheus"} <= set(services)
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source.startswith(".") or source in COMPOSE["volumes"]


def test_nothing_is_open_to_others_and_no_secret_has_a_default() -> None:
    text = (DEPLOY / "compose" / "compose.yaml").read_text()
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    for name in ("POSTGRES_PASSWORD", "AOS_API_KEY", "GOLDEN_SECRET"):
        assert all(part.startswith(":?") for part in re.findall(rf"\$\{{{name}([^}}]*)\}}", text))


def test_mounted_files_are_there() -> None:
    mounted = [
        volume.split(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service.get("volumes", ())
        if volume.startswith(("../", "./")) and "workflows" not in volume
    ]
    assert mounted
    for path in mounted:
        assert (DEPLOY / "compose" / path).exists(), path
    assert RULES.parent == (DEPLOY / "compose" / "../prometheus").resolve()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_the_settings_of_prometheus(tmp_path: Path) -> None:
    text = (DEPLOY / "compose" / "prometheus.yml").read_text()
    file = tmp_path / "prometheus.yml"
    file.write_text(text.replace("/etc/prometheus/rules", str(RULES.parent)))
    done = subprocess.run(
        ["promtool", "check", "config", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(expressions())} rules found" in done.stdout


# manifests


def by_kind(kind: str) -> list[dict[str, Any]]:
    return [manifest for manifest in MANIFESTS if manifest["kind"] == kind]


def test_selectors_find_their_pods_and_names_exist() -> None:
    pods = [m["spec"]["template"]["metadata"]["labels"] for m in by_kind("Deployment")]
    for manifest in by_kind("Deployment"):
        wanted = manifest["spec"]["selector"]["matchLabels"].items()
        assert wanted <= manifest["spec"]["template"]["metadata"]["labels"].items()
    selectors = [m["spec"]["selector"] for m in by_kind("Service")]
    selectors += [m["spec"]["selector"]["matchLabels"] for m in by_kind("PodDisruptionBudget")]
    selectors += [m["spec"]["podSelector"]["matchLabels"] for m in by_kind("NetworkPolicy")]
    for selector in selectors:
        assert any(selector.items() <= labels.items() for labels in pods)
    claims = {m["metadata"]["name"] for m in by_kind("PersistentVolumeClaim")}
    for manifest in by_kind("Deployment"):
        for volume in manifest["spec"]["template"]["spec"]["volumes"]:
            assert volume["persistentVolumeClaim"]["claimName"] in claims


def test_pods_run_as_nobody_and_may_do_nothing() -> None:
    for manifest in by_kind("Deployment") + by_kind("Job"):
        spec = manifest["spec"]["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        for container in spec["containers"]:
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]


def test_a_worker_has_more_time_to_end_than_its_runs() -> None:
    (worker,) = [m for m in by_kind("Deployment") if m["metadata"]["name"] == "nova-worker"]
    spec = worker["spec"]["template"]["spec"]
    arguments = spec["containers"][0]["args"]
    assert spec["terminationGracePeriodSeconds"] > int(arguments[arguments.index("--drain") + 1])

"""What lies in engine/deploy, read once."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml
from tests.meta.repository import ROOT

from aos_workflow.metrics import CATALOGUE

__all__ = ["DEPLOY", "RULES", "alerts", "dashboard_queries", "expressions", "metric_names"]

DEPLOY = ROOT / "engine" / "deploy"
RULES = DEPLOY / "prometheus" / "nova.rules.yml"
_NAME = re.compile(r"\b(?:nova[a-z0-9_:]+|workflow_[a-z0-9_:]+|up(?=\{))\b")
_HISTOGRAMS = {metric.name for metric in CATALOGUE if metric.kind == "histogram"}


def _rules() -> list[dict[str, Any]]:
    found = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in found["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in _rules() if "alert" in rule]


def expressions() -> list[str]:
    return [rule["expr"] for rule in _rules()]


def dashboard_queries() -> list[str]:
    board = json.loads((DEPLOY / "grafana" / "nova.json").read_text(encoding="utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]


def metric_names(expression: str) -> set[str]:
    """The metrics of an expression, histograms by their own name."""
    plain = re.sub(r"\{[^}]*\}", "{}", expression)
    found = set()
    for name in _NAME.findall(plain):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        found.add(base if base in _HISTOGRAMS else name)
    return found

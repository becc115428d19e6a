"""The agent's runs, held to their goldens. Run here: ``pytest``, ``pytest --golden-verify``."""

from __future__ import annotations

from typing import Any

import pytest
from agent import CannedModel, costs, make_plan, morning_report, run_agent
from agent.tools import read_logs

ALERT: dict[str, Any] = {
    "title": "p99 latency above 2 s",
    "service": "api",
    "severity": "high",
    "labels": {"team": "platform", "region": "eu-1"},
}


@pytest.mark.golden(rules=[".**.incident: alias uuid"])
def test_run(golden: Any) -> None:
    """The whole run. The shipped rules take care of run id, times, host and process.

    ``incident`` is our own name, so it needs a rule. ``alias`` keeps the fact that all steps carry the same id.
    """
    assert run_agent(ALERT, seed=golden.seed) == golden


@pytest.mark.golden(seed=7)
def test_plan_and_costs(golden: Any) -> None:
    """Two goldens of one test, by name. Another seed, so another plan."""
    run = run_agent(ALERT, seed=golden.seed)
    assert run.plan == golden("plan", rules=[".confidence: round 3"])
    assert costs(run) == golden("costs")
    assert run.total_cents <= run.plan.max_cents + 10


@pytest.mark.parametrize("service", ["api", "billing/worker"])
def test_logs(golden: Any, service: str) -> None:
    """A golden for each parameter; any text may be a parameter."""
    assert read_logs(service) == golden


@pytest.mark.golden(freeze="2026-01-01T06:00:00Z")
def test_morning_report(golden: Any) -> None:
    """The date stands in the middle of a text, where no rule reaches it: so the clock is frozen."""
    assert morning_report(run_agent(ALERT, seed=golden.seed)) == golden


@pytest.mark.golden(hash_only=True)
def test_many_plans(golden: Any) -> None:
    """Two hundred plans are too much to review: only their hash is kept."""
    assert [make_plan(ALERT, CannedModel(seed)) for seed in range(200)] == golden

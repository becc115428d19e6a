"""An engine's meter that counts into a registry."""

from __future__ import annotations

import time
from collections.abc import Callable

from aos_workflow.metrics import catalogue as m
from aos_workflow.metrics.meter import Meter
from aos_workflow.metrics.registry import FRESH, Histogram, Registry, Value

__all__ = ["EngineMeter"]

_REASONS = {
    "BUDGET_EXCEEDED": "budget",
    "RATE_LIMITED": "rate",
    "POLICY_VIOLATION": "step",
    "SKILL_DISABLED": "skill",
    "EMERGENCY_STOP": "stop",
    "POLICY_STORE_LOST": "store_lost",
}
_CAUSES = {
    "TAMPER_DETECTED": "tampered",
    "GOLDEN_TRUNCATED": "truncated",
    "GOLDEN_UNSIGNED": "unsigned",
    "GOLDEN_UNKNOWN_KEY": "unsigned",
    "REPLAY_DIVERGENCE": "replay",
    "EXTERNAL_CALL": "replay",
    "GOLDEN_MISMATCH": "content",
}
_MAX_TRIED = 1_000
"""Skills whose series are looked up only once."""


class EngineMeter(Meter):
    """Counts what an engine does. A step costs it two observations, written out here, and an addition."""

    __slots__ = ("_cost", "_load", "_registry", "_save", "_tried", "now_s")

    def __init__(self, registry: Registry, monotonic: Callable[[], float] = time.monotonic) -> None:
        # The function itself: a clock's method around it would cost as much again, four times a step.
        self.now_s = monotonic  # type: ignore[method-assign]
        self._registry = registry
        self._save = registry[m.SAVE_SECONDS].histogram()
        registry[m.CHECKPOINT_SECONDS].share(("save",), self._save)
        self._load = registry[m.CHECKPOINT_SECONDS].histogram("load")
        self._cost: Value = registry[m.COST].value()
        self._tried: dict[str, Histogram] = {}

    def step_tried(self, skill_id: str, began_s: float, code: str | None) -> None:
        seconds = self.now_s() - began_s
        if code is not None:
            self._registry[m.STEP_FAILURES].value(code).add()
            self._registry[m.STEP_SECONDS].histogram(skill_id, "failed").observe(seconds)
            return
        found = self._tried.get(skill_id)
        if found is None:
            found = self._registry[m.STEP_SECONDS].histogram(skill_id, "completed")
            if len(self._tried) < _MAX_TRIED:
                self._tried[skill_id] = found
        fresh = found.fresh
        fresh.append(seconds)
        if len(fresh) >= FRESH:
            found.count_fresh()

    def step_refused(self, code: str) -> None:
        self._registry[m.STEP_FAILURES].value(code).add()
        if code in _REASONS:
            self.held_up(code)

    def step_kept(self, cents: float) -> None:
        self._cost.value += cents

    def saved(self, began_s: float) -> None:
        fresh = self._save.fresh
        fresh.append(self.now_s() - began_s)
        if len(fresh) >= FRESH:
            self._save.count_fresh()

    def save_failed(self, code: str) -> None:
        self._registry[m.SAVE_FAILURES].value(code).add()
        if code == "CHECKPOINT_VERSION_CONFLICT":
            self._registry[m.LEASE_LOSSES].value().add()

    def loaded(self, began_s: float) -> None:
        self._load.observe(self.now_s() - began_s)

    def run_left(self, workflow_id: str, status: str) -> None:
        self._registry[m.EXECUTIONS].value(workflow_id, status).add()
        if status in m.RUNS.known["status"]:
            self._registry[m.RUNS].value(status).add()

    def held_up(self, code: str) -> None:
        self._registry[m.REFUSALS].value(_REASONS[code]).add()

    def replay_failed(self, code: str) -> None:
        self._registry[m.REPLAY_FAILURES].value().add()
        self.golden_refused(code)

    def golden_refused(self, code: str) -> None:
        if code == "GOLDEN_MISSING":
            return
        self._registry[m.GOLDEN_MISMATCHES].value(_CAUSES.get(code, "unreadable")).add()

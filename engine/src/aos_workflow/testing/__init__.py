"""For tests of workflows. Needs no pytest."""

from __future__ import annotations

from aos_workflow.engine import RunResult
from aos_workflow.shadow.scenarios import Answer, Scenario
from aos_workflow.simulation import LoopClock, SimLoop
from aos_workflow.testing.cycles import check_cycle
from aos_workflow.testing.recorded import RecordedRun, run_recorded
from aos_workflow.testing.simulating import Finding, SimulationResult, simulate

__all__ = [
    "Answer",
    "Finding",
    "LoopClock",
    "RecordedRun",
    "RunResult",
    "Scenario",
    "SimLoop",
    "SimulationResult",
    "check_cycle",
    "run_recorded",
    "simulate",
]

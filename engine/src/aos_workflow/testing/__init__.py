"""For tests of workflows. Needs no pytest."""

from __future__ import annotations

from aos_workflow.engine import RunResult
from aos_workflow.testing.recorded import RecordedRun, run_recorded

__all__ = ["RecordedRun", "RunResult", "run_recorded"]

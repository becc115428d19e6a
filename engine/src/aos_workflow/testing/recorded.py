"""One run in memory, with everything that its golden would say."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.determinism import Clock
from aos_workflow.engine import RunResult, Workflow, WorkflowEngine, WorkflowSpec
from aos_workflow.golden import GoldenRecorder
from aos_workflow.policies import PolicyEnforcer
from aos_workflow.skills import SkillRegistry

__all__ = ["RecordedRun", "run_recorded"]

_RUN_ID = "golden"


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """``result`` is what came of the run, ``events`` its start, steps and end as JSON data, without ids and times."""

    result: RunResult
    events: list[dict[str, Any]]


async def run_recorded(
    workflow: Workflow | WorkflowSpec,
    *,
    seed: int,
    registry: SkillRegistry | None = None,
    inputs: Mapping[str, Any] | None = None,
    sandbox: Any = None,
    policy: PolicyEnforcer | None = None,
    clock: Clock | None = None,
) -> RecordedRun:
    """Run a workflow in memory, to its end or to where it waits for people.

    Raises:
        SecretFoundError, CanonicalError: the run cannot or must not be recorded.
        As ``WorkflowEngine.run``.
    """
    with tempfile.TemporaryDirectory(prefix="aos-golden-engine-") as folder:
        recorder = GoldenRecorder(folder)
        engine = WorkflowEngine(
            registry,
            MemoryStore(),
            golden=recorder,
            policy=policy,
            emergency=None,
            sandbox=sandbox,
            clock=clock,
        )
        async with engine:
            result = await engine.run(workflow, run_id=_RUN_ID, seed=seed, inputs=inputs)
        if result.golden_error is not None:
            raise result.golden_error
        events = [
            {"event_type": event.event_type, **event.data}
            for event in recorder.tail(_RUN_ID, 10**6)
        ]
    return RecordedRun(result, events)

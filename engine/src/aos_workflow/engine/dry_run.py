"""A run that touches nothing: what would be done, and what it would cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aos_workflow.checkpoint.records import StepRecord
from aos_workflow.engine.divergence import different_call
from aos_workflow.engine.driving import drive
from aos_workflow.engine.ending import end_of, in_order, results_in_order
from aos_workflow.engine.golden_journal import RecordedRun
from aos_workflow.engine.journal import Journal
from aos_workflow.engine.outcome import Lost
from aos_workflow.engine.payload import Payload, encode
from aos_workflow.engine.permission import Permission
from aos_workflow.engine.program import Program
from aos_workflow.engine.recording import Recording
from aos_workflow.engine.result import RunResult
from aos_workflow.engine.run import Identity, Nowhere, Run, StepRequest
from aos_workflow.engine.services import ReplayServices
from aos_workflow.skills.skill import SideEffects

if TYPE_CHECKING:
    from aos_workflow.engine.engine import WorkflowEngine

__all__ = ["dry_run"]


class _DryRun(Run):
    """A run whose outside world is not there: a step that needs it waits for ever, and is counted."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.not_executed: dict[str, float] = {}

    async def step(self, request: StepRequest) -> Any:
        self.asked.add(request.path)
        recorded = self.journal.take(request.path)
        with self.active():
            inputs = encode(request.inputs, self.rules)
            if recorded is not None:
                attempt = self._attempt(request, inputs)
                if different_call(recorded, attempt, None) is None:
                    return self.serve(recorded, inputs.json)
            skill = request.skill(request.skill_version)
            if skill.side_effects is SideEffects.NONE:
                return await super().step(request)
            self.not_executed[request.path] = request.cost_of(skill)
            with self.idling.waiting(request.path, request.path):
                await self._loop.create_future()

    async def _abandoned_before(
        self, request: StepRequest, inputs: Payload, recorded: StepRecord | None
    ) -> None:
        """What was cancelled is estimated as if it were not."""


async def dry_run(
    engine: WorkflowEngine,
    program: Program,
    recorded: RecordedRun | None,
    *,
    inputs: Mapping[str, Any],
    seed: int,
) -> RunResult:
    """Execute what has no side effects, serve what was recorded, and estimate the rest.

    ``estimated_cents`` is what the steps that were not executed would cost, one try each. The run is ``completed`` if
    there were none; else ``suspended``, with their paths as the reason.
    """
    run_id = recorded.run_id if recorded is not None else "dry-run"
    journal = Journal(in_program_order=False)
    if recorded is not None:
        journal = Journal(recorded.steps, recorded.draws, in_program_order=False)
    run = _DryRun(
        identity=Identity(run_id, program.workflow_id, program.spec_hash, seed),
        rules=engine.rules,
        clock=engine.clock,
        journal=journal,
        sink=Nowhere(),
        recording=Recording(None, run_id),
        executor=engine.executor,
        permission=Permission(),
        max_parallel=program.max_parallel,
    )
    services = ReplayServices(engine.registry, engine.sandbox, park_after_s=0.0)
    outcome = await drive(run, program, services, program.bind(inputs), checked=False)
    assert not isinstance(outcome, Lost), outcome
    ordered = in_order(run.steps, program)
    end = end_of(program.spec_hash, seed, ordered, outcome, engine.rules)
    unreached = program.unreached_costs(run, engine.registry)
    waiting = sorted(run.not_executed, key=program.order)
    listed = ", ".join([*waiting, *unreached])
    return RunResult(
        run_id=run_id,
        workflow_id=program.workflow_id,
        spec_hash=program.spec_hash,
        seed=seed,
        status=end.status,
        output=end.plain_output,
        step_results=results_in_order(ordered),
        cost_cents=run.cost_cents,
        reason=f"dry run: not executed: {listed}" if listed else None,
        error_code=end.error_code,
        error_message=end.error_message,
        estimated_cents=round(sum([*run.not_executed.values(), *unreached.values()]), 4),
    )

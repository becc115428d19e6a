"""The two ways of writing a workflow, as one thing: something that asks a run for steps and ends with an output."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

from aos_workflow.engine.code_workflow import Workflow
from aos_workflow.engine.context import Context
from aos_workflow.engine.lineage import program_order
from aos_workflow.engine.run import Run, StepRequest
from aos_workflow.engine.services import Services
from aos_workflow.errors import StepFailedError
from aos_workflow.golden.canonical import canonical_bytes
from aos_workflow.skills.registry import SkillRegistry
from aos_workflow.spec import (
    Graph,
    StepSpec,
    WorkflowSpec,
    check_inputs,
    is_wanted,
    resolve_idempotency_key,
    resolve_inputs,
    resolve_outputs,
)

__all__ = ["CodeProgram", "Program", "SpecProgram"]


class Program(Protocol):
    """A version of a workflow that a run can execute."""

    workflow_id: str
    version: str
    budget_cents: float | None
    timeout_s: float | None
    max_parallel: int
    in_program_order: bool
    """Whether paths are lineage paths."""

    @property
    def spec_hash(self) -> str: ...

    @property
    def spec_json(self) -> bytes: ...

    def bind(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs with what is left out filled in. Raises RunInputsError."""
        ...

    def order(self, path: str) -> Any:
        """A key that puts paths into program order."""
        ...

    @property
    def source(self) -> Workflow | WorkflowSpec:
        """What the program was made from."""
        ...

    def unreached_costs(self, run: Run, registry: SkillRegistry) -> Mapping[str, float]:
        """What the steps are expected to cost that a run did not come to, where that is known before it runs."""
        ...

    async def execute(self, run: Run, services: Services, inputs: Mapping[str, Any]) -> Any:
        """Ask the run for steps until the output is there. Raises StepFailedError and whatever user code raises."""
        ...


class CodeProgram:
    """A coroutine that is given a context."""

    in_program_order = True

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.workflow_id = workflow.id
        self.version = workflow.version
        self.spec_hash = workflow.spec_hash
        self.spec_json = canonical_bytes(workflow.spec_json)
        self.budget_cents = workflow.budget_cents
        self.timeout_s = workflow.timeout_s
        self.max_parallel = workflow.max_parallel

    def bind(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return self.workflow.bind(inputs)

    @property
    def source(self) -> Workflow:
        return self.workflow

    def order(self, path: str) -> Any:
        return program_order(path)

    def unreached_costs(self, run: Run, registry: SkillRegistry) -> Mapping[str, float]:
        return {}

    async def execute(self, run: Run, services: Services, inputs: Mapping[str, Any]) -> Any:
        return await self.workflow.function(Context(run, services), **inputs)


class SpecProgram:
    """A graph of steps. Steps that wait for nothing run side by side; a failed one never stops those beside it, so that
    which steps run does not depend on which was faster."""

    in_program_order = False

    def __init__(self, spec: WorkflowSpec) -> None:
        self.spec = spec
        self.workflow_id = spec.workflow_id
        self.version = spec.version
        self.budget_cents = spec.budget_cents
        self.timeout_s = spec.timeout_s
        self.max_parallel = spec.max_parallel
        self._graph = Graph.of(spec)
        self._steps = {step.step_id: step for step in spec.steps}
        self._order = {step_id: index for index, step_id in enumerate(self._graph.order())}

    @cached_property
    def spec_hash(self) -> str:
        return self.spec.spec_hash

    @cached_property
    def spec_json(self) -> bytes:
        return self.spec.to_json().encode()

    def bind(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return check_inputs(self.spec, inputs)

    @property
    def source(self) -> WorkflowSpec:
        return self.spec

    def order(self, path: str) -> Any:
        return self._order[path]

    def unreached_costs(self, run: Run, registry: SkillRegistry) -> Mapping[str, float]:
        return {
            step_id: self._steps[step_id].cost_cents
            or registry.get(
                self._steps[step_id].skill, self._steps[step_id].skill_version
            ).cost_cents
            for step_id in self._order
            if step_id not in run.asked
        }

    async def execute(self, run: Run, services: Services, inputs: Mapping[str, Any]) -> Any:
        state = _Walk(self, run, services.registry, inputs)
        await state.finish()
        return state.result()


class _Walk:
    """One way through the graph."""

    def __init__(
        self, program: SpecProgram, run: Run, registry: SkillRegistry, inputs: Mapping[str, Any]
    ) -> None:
        self._spec = program.spec
        self._graph = program._graph
        self._steps = program._steps
        self._order = program._order
        self._run = run
        self._registry = registry
        self._inputs = inputs
        self._outputs: dict[str, Any] = {}
        self._completed: set[str] = set()
        self._skipped: set[str] = set()
        self._failed: dict[str, Exception] = {}
        self._running: dict[asyncio.Task[None], str] = {}

    async def finish(self) -> None:
        """Until no step is ready or running."""
        try:
            while True:
                ready = self._ready()
                if not ready and not self._running:
                    return
                if len(ready) == 1 and not self._running:
                    await self._step(self._steps[ready[0]])
                    continue
                for step_id in ready:
                    task = asyncio.create_task(self._step(self._steps[step_id]))
                    self._running[task] = step_id
                await self._wait_for_one()
        finally:
            for task in self._running:
                task.cancel()

    async def _wait_for_one(self) -> None:
        done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for task in sorted(done, key=lambda task: self._order[self._running[task]]):
            del self._running[task]
            task.result()

    def result(self) -> dict[str, Any]:
        """The output of the workflow; or the error of the first step that failed, in the order of the graph."""
        if self._failed:
            raise self._failed[min(self._failed, key=self._order.__getitem__)]
        return resolve_outputs(self._spec, self._outputs, self._inputs, skipped=self._skipped)

    def _ready(self) -> tuple[str, ...]:
        """The steps to start now; those that are not wanted are skipped on the way."""
        while True:
            for step_id in self._graph.to_skip(skipped=self._skipped):
                self._skip(step_id)
            ready = self._graph.ready(
                completed=self._completed,
                running=set(self._running.values()),
                failed=self._failed.keys(),
                skipped=self._skipped,
                max_parallel=self._spec.max_parallel,
            )
            unwanted = [step_id for step_id in ready if not self._is_wanted(self._steps[step_id])]
            if not unwanted:
                return ready
            for step_id in unwanted:
                self._skip(step_id)

    def _is_wanted(self, step: StepSpec) -> bool:
        if step.when is None:
            return True
        return is_wanted(step, self._outputs, self._inputs, skipped=self._skipped)

    def _skip(self, step_id: str) -> None:
        self._skipped.add(step_id)
        self._run.skip(step_id, step_id, self._steps[step_id].skill)

    async def _step(self, step: StepSpec) -> None:
        try:
            output = await self._run.step(self._request(step))
        except StepFailedError as error:
            self._failed[step.step_id] = error
        else:
            self._outputs[step.step_id] = output
            self._completed.add(step.step_id)

    def _request(self, step: StepSpec) -> StepRequest:
        skipped = self._skipped
        return StepRequest(
            path=step.step_id,
            step_id=step.step_id,
            kind="skill",
            skill_id=step.skill,
            skill_version=step.skill_version,
            skill=lambda version: self._registry.get(step.skill, version),
            inputs=resolve_inputs(step, self._outputs, self._inputs, skipped=skipped),
            retry=step.retry,
            timeout_s=step.timeout_s,
            cost_cents=step.cost_cents or None,
            max_cents=step.max_cents,
            idempotency_key=resolve_idempotency_key(
                step, self._outputs, self._inputs, skipped=skipped
            ),
        )

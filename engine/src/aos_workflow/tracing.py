"""OpenTelemetry traces of runs and steps. Extra ``otel``; the only module that imports it.

A span for each execution of a run (``run billing``), below it one for each step (``step pay``), in which whatever a
skill does is nested, with the ids that logs have too. Where spans go is OpenTelemetry's business: its environment
variables and ``opentelemetry-instrument``, or a provider that one of the loaded modules sets. Replays leave no spans.
"""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode, Tracer, TracerProvider

from aos_workflow import __version__
from aos_workflow.checkpoint.records import Checkpoint
from aos_workflow.engine import RunResult, WorkflowEngine
from aos_workflow.engine.executor import Execution, Gate, StepCall, StepExecutor
from aos_workflow.engine.program import Program
from aos_workflow.errors import AosError
from aos_workflow.golden import Rules
from aos_workflow.metrics import NO_METER, Meter

__all__ = ["TracedEngine", "TracedExecutor"]


class TracedExecutor(StepExecutor):
    """Runs steps, each in a span of its own. ``provider`` is the global one unless it is given."""

    def __init__(self, *, provider: TracerProvider | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.tracer: Tracer = trace.get_tracer("aos_workflow", __version__, provider)

    async def run(self, call: StepCall, rules: Rules, gate: Gate) -> Execution:
        attributes: dict[str, str | int] = {
            "aos.run_id": call.run_id,
            "aos.tenant_id": call.tenant_id,
            "aos.step_path": call.step_path,
            "aos.skill_id": call.skill.id,
            "aos.skill_version": call.skill.version,
        }
        with self.tracer.start_as_current_span(
            f"step {call.skill.id}",
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            done = await super().run(call, rules, gate)
            span.set_attributes({"aos.attempts": done.attempts, "aos.cost_cents": done.cents})
            _tell(span, done.error_code, done.error_message)
            return done


class TracedEngine(WorkflowEngine):
    """An engine whose runs and steps are spans. Takes what :class:`WorkflowEngine` does."""

    def __init__(
        self,
        *arguments: Any,
        provider: TracerProvider | None = None,
        meter: Meter = NO_METER,
        **options: Any,
    ) -> None:
        self._traced = TracedExecutor(provider=provider, meter=meter)
        super().__init__(*arguments, meter=meter, executor=self._traced, **options)

    async def go_on(
        self, head: Checkpoint, program: Program | None = None, *, park_after_s: float | None = None
    ) -> RunResult:
        attributes: dict[str, str | int] = {
            "aos.run_id": head.run_id,
            "aos.workflow_id": head.workflow_id,
            "aos.tenant_id": head.tenant_id,
            "aos.checkpoint_version": head.version,
        }
        with self._traced.tracer.start_as_current_span(
            f"run {head.workflow_id}",
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                result = await super().go_on(head, program, park_after_s=park_after_s)
            except AosError as error:
                _tell(span, error.code, error.message)
                raise
            span.set_attributes(
                {"aos.status": result.status.value, "aos.cost_cents": result.cost_cents}
            )
            _tell(span, result.error_code, result.error_message)
            return result


def _tell(span: Span, code: str | None, message: str | None) -> None:
    if code is not None:
        span.set_attribute("error.type", code)
        span.set_status(Status(StatusCode.ERROR, message))

"""Whole engines, as the environment asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aos_workflow import config
from aos_workflow.assembly import default_store
from aos_workflow.assembly.modules import load
from aos_workflow.checkpoint.port import Store
from aos_workflow.engine import WorkflowEngine
from aos_workflow.errors import UsageError
from aos_workflow.golden import GoldenRecorder
from aos_workflow.metrics import NO_METER, Meter
from aos_workflow.planner_sandbox import PlannerSandbox, SandboxPolicy, SkillRule

__all__ = ["engine", "recorder"]


def recorder(folder: Path | None = None) -> GoldenRecorder | None:
    """The recorder of a folder, or of ``GOLDEN_DIR``; ``None`` if neither is named. Raises KeyRingError."""
    found = folder or config.golden_dir()
    return None if found is None else GoldenRecorder(found, ring=config.key_ring())


def engine(
    modules: Sequence[str],
    *,
    golden: Path | None = None,
    store: Store | None = None,
    worker_id: str | None = None,
    queues: tuple[str, ...] = ("default",),
    meter: Meter = NO_METER,
    is_traced: bool = False,
) -> WorkflowEngine:
    """An engine with the workflows and skills of these modules.

    Its sandbox allows plans to use the skills that are registered, and no others. Raises as ``modules.load``.
    """
    loaded = load(modules)
    costs = {item.id: item.cost_cents for item in loaded.registry}
    known = {skill_id: SkillRule(cost_cents=cents) for skill_id, cents in costs.items()}
    return _kind(is_traced)(
        loaded.registry,
        store or default_store(),
        golden=recorder(golden),
        sandbox=PlannerSandbox(SandboxPolicy(skills=known)),
        workflows=loaded.workflows,
        worker_id=worker_id,
        queues=queues,
        meter=meter,
    )


def _kind(is_traced: bool) -> type[WorkflowEngine]:
    """Raises UsageError: traces are wanted, and OpenTelemetry is not installed."""
    if not is_traced:
        return WorkflowEngine
    try:
        from aos_workflow.tracing import TracedEngine
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("opentelemetry"):
            raise
        raise UsageError(
            "traces need OpenTelemetry", hint="pip install 'aos-workflow[otel]'"
        ) from None
    return TracedEngine

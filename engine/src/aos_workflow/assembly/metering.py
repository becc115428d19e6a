"""What the processes of a fleet measure: a registry each, and what is read into it rather than counted."""

from __future__ import annotations

from collections.abc import Callable

from aos_workflow import __version__
from aos_workflow.engine import Worker, WorkflowEngine
from aos_workflow.metrics import CATALOGUE, Registry
from aos_workflow.metrics import catalogue as m

__all__ = ["Report", "counted", "registry_for", "watch"]

Report = Callable[[str, dict[str, object]], None]


def registry_for(*sources: str) -> Registry:
    """The metrics of these sources: ``engine``, ``worker``, ``server``."""
    registry = Registry([metric for metric in CATALOGUE if metric.source in sources])
    registry[m.BUILD].value(__version__).set(1)
    return registry


def counted(registry: Registry, report: Report) -> Report:
    """A worker's report that is also counted."""

    def both(event: str, fields: dict[str, object]) -> None:
        if event == "runs_requeued":
            runs = fields["runs"]
            registry[m.REQUEUED].value().add(len(runs) if isinstance(runs, list) else 1)
        elif event == "store_unavailable":
            registry[m.STORE_WAITS].value().add()
        elif event == "run_refused":
            registry[m.RUNS].value("failed").add()
        report(event, fields)

    return both


def watch(registry: Registry, engine: WorkflowEngine, worker: Worker | None = None) -> None:
    """Have every reading show what engine and worker know themselves."""

    def refresh() -> None:
        if engine.policy is not None:
            registry[m.STORE_LOSSES].value().set(engine.policy.store_losses)
        if worker is not None:
            registry[m.WORKER_RUNS].value().set(worker.running)
            registry[m.WORKER_SLOTS].value().set(worker.settings.concurrency)

    registry.before_reading(refresh)

"""A new run out of the first steps of another one."""

from __future__ import annotations

from aos_workflow.checkpoint.port import Store
from aos_workflow.checkpoint.records import Checkpoint, NewRun
from aos_workflow.checkpoint.refusals import unknown_run
from aos_workflow.determinism import Entropy, SystemEntropy
from aos_workflow.errors import UsageError

__all__ = ["fork"]


async def fork(
    store: Store,
    run_id: str,
    step: str,
    *,
    new_run_id: str | None = None,
    entropy: Entropy | None = None,
) -> Checkpoint:
    """Queue a run with the same workflow, seed and inputs that has the steps before ``step`` (a path), or so many.

    Raises:
        RunNotFoundError, RunConflictError, RunStateError: as the store.
        UsageError: the run has no such step.
    """
    head = await store.load(run_id)
    if head is None:
        raise unknown_run(run_id)
    kept = int(step) if step.isascii() and step.isdecimal() else await _before(store, run_id, step)
    token = (entropy or SystemEntropy()).token_hex(4)
    new = NewRun(
        run_id=new_run_id or f"{run_id[:180]}.fork-{token}",
        workflow_id=head.workflow_id,
        spec_hash=head.spec_hash,
        seed=head.seed,
        input_json=head.input_json,
        tenant_id=head.tenant_id,
        queue=head.queue,
        priority=head.priority,
        budget_cents=head.budget_cents,
        labels=head.labels,
    )
    return await store.fork(run_id, new, steps=kept)


async def _before(store: Store, run_id: str, path: str) -> int:
    """How many steps were committed before the one at this path."""
    paths = [step.step_path for step in await store.load_steps(run_id)]
    if path not in paths:
        raise UsageError(
            f"run {run_id!r} has no committed step {path!r}",
            hint=f"its steps are: {', '.join(paths) or 'none'}",
        )
    return paths.index(path)

"""Commands that start runs, list them, go on with them and end them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_workflow.cli.confirming import Yes, confirmed
from aos_workflow.cli.options import AsJson, GoldenDir, Modules, RunId
from aos_workflow.cli.output import Output
from aos_workflow.cli.run_data import at, result_data, run_data
from aos_workflow.cli.storing import actor, with_store

if TYPE_CHECKING:
    from aos_workflow.checkpoint.records import Checkpoint
    from aos_workflow.engine import RunResult, WorkflowEngine

__all__ = ["cancel", "fork", "list_running", "resume", "retry", "start"]

FAILED = 1
_OVER = ("completed", "cancelled")


def start(
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="Its id.")],
    workflows: Modules = None,
    run: Annotated[
        str | None, typer.Option("--run", "--run-id", metavar="RUN", help="Default: a new id.")
    ] = None,
    inputs: Annotated[
        str, typer.Option("--input", metavar="JSON", help="An object of inputs.")
    ] = "{}",
    seed: Annotated[int | None, typer.Option("--seed", help="Default: a new one.")] = None,
    queue: Annotated[str, typer.Option("--queue", metavar="NAME")] = "default",
    tenant: Annotated[str, typer.Option("--tenant", metavar="NAME")] = "default",
    as_json: AsJson = False,
) -> None:
    """Queue a run for the workers. With the id of a run that is there already, that one stays as it is.

    A workflow that is data needs no --workflows if a run of it was started before.
    """
    import asyncio

    output = Output(as_json=as_json)
    given = _object(inputs)
    head = asyncio.run(
        _started(
            workflow,
            workflows or (),
            run_id=run,
            inputs=given,
            seed=seed,
            queue=queue,
            tenant_id=tenant,
        )
    )
    output.line(f"run {head.run_id} is {head.status.value}")
    output.document({"ok": True, "run": run_data(head)})


def list_running(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 50, as_json: AsJson = False
) -> None:
    """List the runs that a worker has now, newest change first."""
    from aos_workflow.checkpoint.records import RunFilter, RunStatus

    output = Output(as_json=as_json)
    which = RunFilter(statuses=(RunStatus.RUNNING,), limit=limit)
    heads = with_store(lambda store: store.list_runs(which))
    output.table(
        ("run", "workflow", "step", "version", "worker", "updated"),
        [
            (
                h.run_id,
                h.workflow_id,
                str(h.next_step_index),
                str(h.version),
                h.owner or "",
                at(h.updated_at_s),
            )
            for h in heads
        ],
    )
    if not heads:
        output.line("no run is running")
    output.document({"ok": True, "runs": [run_data(head) for head in heads]})


def resume(
    run: RunId,
    workflows: Modules = None,
    golden: GoldenDir = None,
    budget_cents: Annotated[
        float | None,
        typer.Option(
            "--budget-cents",
            metavar="N",
            help="What the run may cost in all from now on, in cents.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a run here, from its last checkpoint. With no --workflows it must be one that is data."""
    import asyncio

    output = Output(as_json=as_json)
    result = asyncio.run(_resumed(run, workflows or (), golden, budget_cents))
    output.line(f"run {run} is {result.status.value}")
    output.lines([f"  {error}" for error in result.errors])
    output.document({"ok": result.ok, **result_data(result)})
    raise typer.Exit(0 if result.ok else FAILED)


def retry(run: RunId, as_json: AsJson = False) -> None:
    """Queue a run that failed or is quarantined: what failed is done again, what was committed is not."""
    from aos_workflow.checkpoint.records import RunStatus, Transition
    from aos_workflow.engine.execution import RETRY

    output = Output(as_json=as_json)
    change = Transition(run, RunStatus.QUEUED, by=actor(), reason=RETRY, reset_attempts=True)
    head = with_store(lambda store: store.transition(change))
    output.line(f"run {run} is {head.status.value}")
    output.document({"ok": True, "run": run_data(head)})


def cancel(run: RunId, yes: Yes = False, as_json: AsJson = False) -> None:
    """Cancel a run: at once if nobody has it, else before its next step."""
    from aos_workflow.checkpoint.heads import states_before
    from aos_workflow.checkpoint.records import RunStatus
    from aos_workflow.checkpoint.refusals import already_over

    output = Output(as_json=as_json)
    head = with_store(lambda store: _head(store, run))
    if head.status not in states_before(RunStatus.CANCELLED):
        raise already_over(head, "be cancelled")
    question = f"run {run} of {head.workflow_id} is {head.status.value}. Cancel it?"
    does = confirmed(output, question, yes=yes)
    if does:
        head = with_store(lambda store: store.request_cancel(run, by=actor()))
        ends = "is cancelled" if head.status.is_final else "ends before its next step"
        output.line(f"run {run} {ends}")
    output.document({"ok": True, "dry_run": not does, "run": run_data(head)})


def fork(
    run: RunId,
    step: Annotated[
        str, typer.Option("--step", metavar="STEP", help="Path, or number of steps that are kept.")
    ],
    new_run: Annotated[
        str | None, typer.Option("--new-run", metavar="RUN", help="Default: a new id.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Queue a new run that has the first steps of another one, and goes on from there by itself."""
    from aos_workflow.engine.forking import fork as make

    output = Output(as_json=as_json)
    head = with_store(lambda store: make(store, run, step, new_run_id=new_run))
    output.line(f"run {head.run_id} has {head.next_step_index} steps of {run}, and is queued")
    output.document({"ok": True, "run": run_data(head)})


# inside


async def _head(store: Any, run_id: str) -> Checkpoint:
    from aos_workflow.checkpoint.refusals import unknown_run

    head: Checkpoint | None = await store.load(run_id)
    if head is None:
        raise unknown_run(run_id)
    return head


async def _started(workflow: str, modules: Sequence[str], **given: Any) -> Checkpoint:
    from aos_workflow.assembly.engines import engine
    from aos_workflow.spec import parse_spec

    found = engine(modules)
    try:
        if workflow not in set(found.programs):
            row = await found.store.newest_spec(workflow)
            if row is not None and b'"steps"' in row.spec_json:
                found.register(parse_spec(row.spec_json.decode()))
        return await found.start(workflow, **given)
    finally:
        await found.store.close()


async def _resumed(
    run_id: str, modules: Sequence[str], golden: Path | None, budget_cents: float | None
) -> RunResult:
    from aos_workflow.assembly.engines import engine

    found = engine(modules, golden=golden)
    try:
        async with found:
            await _require_skills(found, run_id)
            return await found.resume(run_id, budget_cents=budget_cents)
    finally:
        await found.store.close()


async def _require_skills(engine: WorkflowEngine, run_id: str) -> None:
    """Refuse a run that is data and needs skills that are not known here, before its failure is committed."""
    from aos_workflow.checkpoint.records import StepStatus
    from aos_workflow.errors import UsageError
    from aos_workflow.spec import WorkflowSpec

    head = await _head(engine.store, run_id)
    spec = None if head.status.value in _OVER else await engine.load_spec(run_id)
    if not isinstance(spec, WorkflowSpec):
        return
    steps = await engine.store.load_steps(run_id)
    done = {step.step_path for step in steps if step.status is not StepStatus.FAILED}
    wanted = {step.skill for step in spec.steps if step.step_id not in done}
    missing = sorted(each for each in wanted if each not in engine.registry)
    if missing:
        raise UsageError(
            f"run {run_id!r} needs skills that are not known here: {', '.join(missing)}",
            hint=f"name the module that has them: aos-workflow resume --run-id {run_id} --workflows MODULE",
        )


def _object(text: str) -> dict[str, Any]:
    from aos_workflow.errors import AosError, UsageError
    from aos_workflow.golden.strict_json import loads

    try:
        found = loads(text.encode(), file="--input")
    except AosError as error:
        raise UsageError(error.message, hint="--input '{\"amount\": 5}'") from None
    if not isinstance(found, dict):
        raise UsageError("--input must be an object", hint="--input '{\"amount\": 5}'")
    return found

"""Commands about runs: look at them, go on with them, end them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_workflow.cli.options import AsJson, KeyFile
from aos_workflow.cli.output import Output
from aos_workflow.cli.storing import actor, with_store

if TYPE_CHECKING:
    from aos_workflow.checkpoint.records import Checkpoint, StepRecord
    from aos_workflow.engine import RunResult

__all__ = ["add_to"]

RunId = Annotated[str, typer.Option("--run", "--run-id", metavar="RUN", help="The run's id.")]
Modules = Annotated[
    list[str] | None,
    typer.Option(
        "--workflows",
        "-w",
        metavar="MODULE",
        help="Module, .py, .yaml or .json file with workflows and skills. May be repeated.",
    ),
]
GoldenDir = Annotated[
    Path | None,
    typer.Option("--golden", metavar="FOLDER", help="Where goldens are. Default: GOLDEN_DIR."),
]
FAILED = 1
_EVENTS_SHOWN = 10


def add_to(app: typer.Typer) -> None:
    """Add every command to the application."""
    commands = (
        ("inspect", inspect, "inspect --run order-17"),
        ("list-running", list_running, "list-running --limit 20"),
        ("golden-tail", golden_tail, "golden-tail --run order-17 --lines 30"),
        ("replay-local", replay_local, "replay-local --run order-17 --workflows my.workflows"),
        ("resume", resume, "resume --run-id order-17 --workflows my.workflows"),
        ("retry", retry, "retry --run order-17"),
        ("cancel", cancel, "cancel --run order-17 --yes"),
        ("fork", fork, "fork --run order-17 --step 3"),
    )
    for name, command, example in commands:
        app.command(name, epilog=f"\b\nExample:\n  aos-workflow {example}")(command)


def inspect(run: RunId, golden: GoldenDir = None, as_json: AsJson = False) -> None:
    """Show how far a run is, its steps, its golden, and what to type next. Exit code 1 if it failed."""
    from aos_workflow.assembly.engines import recorder

    output = Output(as_json=as_json)
    head, steps = with_store(lambda store: _head_and_steps(store, run))
    found = recorder(golden)
    record = _golden_of(found, run)
    hints = _hints(head)
    output.table(("", ""), _facts(head))
    output.line()
    output.table(
        ("step", "status", "skill", "tries", "cents", "output hash", "error"),
        [_step_row(step) for step in steps],
    )
    if record:
        output.line()
        output.lines([f"golden: {record['file']}: {record['verdict']}"])
        output.lines([f"  {event}" for event in record["events"]])
    output.lines([f"next: {hint}" for hint in hints])
    output.document(
        {
            "ok": head.status.value != "failed",
            "run": _json_of(head),
            "steps": [_step_json(step) for step in steps],
            "golden": record,
            "next": hints,
        }
    )
    raise typer.Exit(FAILED if head.status.value in ("failed", "quarantined") else 0)


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
                _at(h.updated_at_s),
            )
            for h in heads
        ],
    )
    if not heads:
        output.line("no run is running")
    output.document({"ok": True, "runs": [_json_of(head) for head in heads]})


def golden_tail(
    run: RunId,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=100_000)] = 30,
    golden: GoldenDir = None,
    as_json: AsJson = False,
) -> None:
    """Print the last events of a run's golden, also of one that is still being written."""
    import json

    output = Output(as_json=as_json)
    events = [event.to_json() for event in _recorder(golden).tail(run, lines)]
    output.lines([json.dumps(event, sort_keys=True) for event in events])
    output.document({"ok": True, "run_id": run, "events": events})


def replay_local(
    run: RunId,
    workflows: Modules = None,
    golden: GoldenDir = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Replay a run from its golden alone: no database, no network. Exit code 1 if it is not the same."""
    from aos_workflow.assembly.modules import load
    from aos_workflow.checkpoint import MemoryStore
    from aos_workflow.engine import WorkflowEngine
    from aos_workflow.errors import DivergenceError, ExternalCallBlockedError

    output = Output(as_json=as_json)
    loaded = load(workflows or ())
    engine = WorkflowEngine(
        loaded.registry,
        MemoryStore(),
        golden=_recorder(golden, key_file),
        policy=None,
        emergency=None,
        workflows=loaded.workflows,
    )
    try:
        result = asyncio.run(engine.replay(run_id=run))
    except (DivergenceError, ExternalCallBlockedError) as error:
        output.error(error)
        output.document({"ok": False, "run_id": run, "error": error.to_dict()})
        raise typer.Exit(FAILED) from None
    output.lines([f"match {step.step_path} {step.output_hash}" for step in result.step_results])
    output.line(f"match {result.status.value} {result.workflow_hash}")
    output.document({"ok": True, **_result_json(result)})


def resume(
    run: RunId, workflows: Modules = None, golden: GoldenDir = None, as_json: AsJson = False
) -> None:
    """Go on with a run here, from its last checkpoint. With no --workflows it must be one that is data."""
    output = Output(as_json=as_json)
    result = asyncio.run(_resumed(run, workflows or (), golden))
    output.line(f"run {run} is {result.status.value}")
    output.lines([f"  {error}" for error in result.errors])
    output.document({"ok": result.ok, **_result_json(result)})
    raise typer.Exit(0 if result.ok else FAILED)


def retry(run: RunId, as_json: AsJson = False) -> None:
    """Queue a run that failed or is quarantined: what failed is done again, what was committed is not."""
    from aos_workflow.checkpoint.records import RunStatus, Transition
    from aos_workflow.engine.execution import RETRY

    output = Output(as_json=as_json)
    change = Transition(run, RunStatus.QUEUED, by=actor(), reason=RETRY, reset_attempts=True)
    head = with_store(lambda store: store.transition(change))
    output.line(f"run {run} is {head.status.value}")
    output.document({"ok": True, "run": _json_of(head)})


def cancel(
    run: RunId,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, only say what would be.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Cancel a run: at once if nobody has it, else before its next step. Says what it would do, unless --yes."""
    output = Output(as_json=as_json)
    if not yes:
        head, _ = with_store(lambda store: _head_and_steps(store, run))
        output.line(f"run {run} is {head.status.value}; with --yes it is cancelled")
        output.document({"ok": True, "dry_run": True, "run": _json_of(head)})
        return
    head = with_store(lambda store: store.request_cancel(run, by=actor()))
    output.line(
        f"run {run} is cancelled"
        if head.status.is_final
        else f"run {run} ends before its next step"
    )
    output.document({"ok": True, "dry_run": False, "run": _json_of(head)})


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
    output.document({"ok": True, "run": _json_of(head)})


# inside


async def _head_and_steps(store: Any, run_id: str) -> tuple[Checkpoint, tuple[StepRecord, ...]]:
    from aos_workflow.checkpoint.refusals import unknown_run

    head = await store.load(run_id)
    if head is None:
        raise unknown_run(run_id)
    return head, await store.load_steps(run_id)


async def _resumed(run_id: str, modules: Sequence[str], golden: Path | None) -> RunResult:
    from aos_workflow.assembly.engines import engine

    found = engine(modules, golden=golden)
    try:
        async with found:
            return await found.resume(run_id)
    finally:
        await found.store.close()


def _recorder(golden: Path | None, key_file: Path | None = None) -> Any:
    from aos_workflow.assembly.engines import recorder
    from aos_workflow.errors import UsageError
    from aos_workflow.golden import GoldenRecorder, KeyRing

    if key_file is not None and golden is not None:
        return GoldenRecorder(golden, ring=KeyRing.from_file(key_file))
    found = recorder(golden)
    if found is None:
        raise UsageError("no folder of goldens is named", hint="--golden FOLDER, or set GOLDEN_DIR")
    return found


def _golden_of(recorder: Any, run_id: str) -> dict[str, Any] | None:
    """What is known of a run's golden: its file, whether it verifies, its last events."""
    from aos_workflow.errors import GoldenError

    if recorder is None:
        return None
    try:
        events = recorder.tail(run_id, _EVENTS_SHOWN)
    except GoldenError:
        events = []
    path = recorder.path_of(run_id)
    if not path.exists():
        return {
            "file": str(path),
            "verdict": "still being written" if events else "there is none",
            "events": [f"{e.index} {e.event_type} {e.data.get('step_path', '')}" for e in events],
        }
    verdict = recorder.check_golden(path)
    return {
        "file": str(path),
        "verdict": "ok" if verdict else str(verdict.error.code if verdict.error else "invalid"),
        "events": [f"{e.index} {e.event_type} {e.data.get('step_path', '')}" for e in events],
    }


def _hints(head: Checkpoint) -> list[str]:
    """The next command, by state."""
    run = head.run_id
    return {
        "queued": [
            f"start a worker: aos-workflow worker --workflows MODULE  (or: aos-workflow resume --run-id {run})"
        ],
        "running": [
            f"wait for {head.owner}; if it is dead, its runs are queued again after 3 minutes"
        ],
        "suspended": [f"it waits for: {head.reason}; then: aos-workflow resume --run-id {run}"],
        "completed": [f"aos-workflow replay-local --run {run} --workflows MODULE"],
        "failed": [f"mend the cause, then: aos-workflow retry --run {run}"],
        "cancelled": [],
        "quarantined": [
            f"it did not repeat what it had done; aos-workflow replay-local --run {run} --workflows MODULE says where; "
            f"then: aos-workflow fork --run {run} --step N"
        ],
    }[head.status.value]


def _facts(head: Checkpoint) -> list[tuple[str, str]]:
    facts = [
        ("run", head.run_id),
        ("workflow", head.workflow_id),
        ("status", head.status.value),
        ("seed", str(head.seed)),
        ("steps", str(head.next_step_index)),
        ("version", str(head.version)),
        ("attempts", f"{head.attempts} of {head.max_attempts}"),
        ("updated", _at(head.updated_at_s)),
    ]
    for name, value in (
        ("worker", head.owner),
        ("waits for", head.reason),
        ("error", head.error_code),
        ("", head.error_message),
        ("hash", head.last_result_hash),
    ):
        if value:
            facts.append((name, value))
    return facts


def _step_row(step: StepRecord) -> tuple[str, ...]:
    status = "ok" if step.status.value == "completed" else step.status.value
    return (
        step.step_path,
        status,
        step.skill_id or step.kind,
        str(step.attempt),
        f"{step.cost_cents:g}",
        (step.output_hash or "")[:12],
        step.error_code or "",
    )


def _step_json(step: StepRecord) -> dict[str, Any]:
    return {
        "step_path": step.step_path,
        "step_index": step.step_index,
        "step_id": step.step_id,
        "kind": step.kind,
        "status": step.status.value,
        "skill_id": step.skill_id,
        "skill_version": step.skill_version,
        "attempts": step.attempt,
        "cost_cents": step.cost_cents,
        "input_hash": step.input_hash,
        "output_hash": step.output_hash,
        "error_code": step.error_code,
        "error_message": step.error_message,
    }


def _json_of(head: Checkpoint) -> dict[str, Any]:
    return {
        "run_id": head.run_id,
        "workflow_id": head.workflow_id,
        "spec_hash": head.spec_hash,
        "tenant_id": head.tenant_id,
        "seed": head.seed,
        "status": head.status.value,
        "version": head.version,
        "next_step_index": head.next_step_index,
        "last_result_hash": head.last_result_hash,
        "reason": head.reason,
        "error_code": head.error_code,
        "error_message": head.error_message,
        "owner": head.owner,
        "attempts": head.attempts,
        "created_at": _at(head.created_at_s),
        "updated_at": _at(head.updated_at_s),
    }


def _result_json(result: RunResult) -> dict[str, Any]:
    return {
        "run_id": result.run_id,
        "workflow_id": result.workflow_id,
        "status": result.status.value,
        "workflow_hash": result.workflow_hash,
        "output": result.output,
        "cost_cents": result.cost_cents,
        "reason": result.reason,
        "error_code": result.error_code,
        "error_message": result.error_message,
        "steps": [
            {
                "step_path": step.step_path,
                "status": step.status.value,
                "output_hash": step.output_hash,
            }
            for step in result.step_results
        ],
    }


def _at(time_s: float) -> str:
    from datetime import UTC, datetime

    from aos_workflow.determinism import rfc3339

    return rfc3339(datetime.fromtimestamp(time_s, UTC))

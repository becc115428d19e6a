"""``aos-workflow inspect``: one run, with everything that an operator asks first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aos_workflow.cli.options import AsJson, GoldenDir, Modules
from aos_workflow.cli.output import Output
from aos_workflow.cli.run_data import at, decision_data, run_data, shown_message, step_data
from aos_workflow.cli.storing import with_store

if TYPE_CHECKING:
    from aos_workflow.checkpoint.port import Store
    from aos_workflow.checkpoint.records import Checkpoint, Decision, StepRecord
    from aos_workflow.cli.timing import Timing

__all__ = ["inspect"]

FAILED = 1
_EVENTS_SHOWN = 10
_NOT_DAMAGED = ("ok", "still being written", "there is none")


def inspect(
    run: Annotated[
        str | None, typer.Option("--run", "--run-id", metavar="RUN", help="The run's id.")
    ] = None,
    database: Annotated[
        bool, typer.Option("--database", help="Look at the database instead: room, load, locks.")
    ] = False,
    timing: Annotated[bool, typer.Option("--timing", help="Show where its time went.")] = False,
    workflows: Modules = None,
    golden: GoldenDir = None,
    as_json: AsJson = False,
) -> None:
    """Show how far a run is, its steps, its golden, and what to type next. Exit code 1 if it failed or its golden does
    not verify.

    With --workflows, also whether this code can go on with it. With --database, exit code 1 if something is wrong.
    """
    from aos_workflow.errors import UsageError

    if database is (run is not None):
        raise UsageError("give either --run or --database", hint="aos-workflow inspect --run RUN")
    output = Output(as_json=as_json)
    if run is None:
        from aos_workflow.cli.database_health import inspect_database

        raise typer.Exit(0 if inspect_database(output) else FAILED)
    _inspect_run(output, run, workflows or (), golden, timing=timing)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the store knows of a run. ``resume`` is whether this code can go on with it, and why not."""

    head: Checkpoint
    steps: tuple[StepRecord, ...]
    questions: tuple[Decision, ...]
    resume: str


def _inspect_run(
    output: Output, run: str, modules: Sequence[str], golden: Path | None, *, timing: bool
) -> None:
    from aos_workflow.assembly.engines import recorder
    from aos_workflow.cli.timing import timing_of

    found = with_store(lambda store: _read(store, run, modules))
    head, steps = found.head, found.steps
    record = _golden_of(recorder(golden), run)
    is_damaged = record is not None and record["verdict"] not in _NOT_DAMAGED
    hints = _mending(record["file"]) if record is not None and is_damaged else []
    hints += [*_answers(found.questions), *_hints(head, modules, may_replay=not is_damaged)]
    ok = head.status.value not in ("failed", "quarantined") and not is_damaged
    spent = timing_of(head, steps) if timing else None
    output.table(("", ""), [*_facts(head), ("resume", found.resume)])
    output.line()
    output.table(
        ("step", "status", "skill", "tries", "cents", "output hash", "error"),
        [_step_row(step) for step in steps],
    )
    if spent is not None:
        _show_timing(output, spent)
    if record:
        output.line()
        output.lines([f"golden: {record['file']}: {record['verdict']}"])
        output.lines([f"  {event}" for event in record["events"]])
    output.lines([f"next: {hint}" for hint in hints])
    output.document(
        {
            "ok": ok,
            "run": run_data(head),
            "steps": [step_data(step) for step in steps],
            "approvals": [decision_data(question) for question in found.questions],
            "resume": found.resume,
            **({"timing": spent.to_json()} if spent is not None else {}),
            "golden": record,
            "next": hints,
        }
    )
    raise typer.Exit(0 if ok else FAILED)


async def _read(store: Store, run_id: str, modules: Sequence[str]) -> _Found:
    from aos_workflow.checkpoint.refusals import unknown_run

    head = await store.load(run_id)
    if head is None:
        raise unknown_run(run_id)
    return _Found(
        head,
        await store.load_steps(run_id),
        await store.decisions(run_id=run_id, open_only=True),
        await _resume(store, head, modules),
    )


async def _resume(store: Store, head: Checkpoint, modules: Sequence[str]) -> str:
    """Whether the version that the run was started with is at hand."""
    from aos_workflow.assembly.modules import load
    from aos_workflow.engine.programs import Programs
    from aos_workflow.errors import SpecError, WorkflowNotFoundError

    if head.status.value in ("completed", "cancelled"):
        return "it is over"
    programs = Programs()
    for item in load(modules).workflows:
        programs.add(item)
    try:
        program = await programs.version(head.spec_hash, store)
    except WorkflowNotFoundError as error:
        return error.message if modules else "its workflow is code: --workflows MODULE says more"
    except SpecError:
        return (
            "the version it was started with cannot be read: its row in workflow_specs is damaged"
        )
    return f"possible, with version {program.version} of {program.workflow_id}"


def _answers(questions: Sequence[Decision]) -> list[str]:
    return [
        f"aos-workflow approvals approve --run {each.run_id} --name {each.name}  (or: reject)"
        for each in questions
        if each.kind == "approval"
    ]


def _show_timing(output: Output, spent: Timing) -> None:
    output.line()
    output.table(
        ("step", "skill", "seconds", "share"),
        [
            (path, kind, f"{took_s:.3f}", f"{spent.share(took_s):.0%}")
            for path, kind, took_s in spent.steps
        ],
    )
    output.line(
        f"{spent.total_s:.3f} s in all, {spent.waiting_s:.3f} s of them waiting ({spent.waiting_share:.0%})"
    )


def _golden_of(recorder: Any, run_id: str) -> dict[str, Any] | None:
    """What is known of a run's golden: its file, whether it verifies, its last events."""
    from aos_workflow.errors import GoldenError, GoldenMissingError

    if recorder is None:
        return None
    unsealed = "still being written"
    try:
        events = recorder.tail(run_id, _EVENTS_SHOWN)
    except GoldenMissingError:
        events, unsealed = [], "there is none"
    except GoldenError as error:
        events, unsealed = [], error.code
    path = recorder.path_of(run_id)
    if not path.exists():
        return {
            "file": str(path),
            "verdict": unsealed,
            "events": [f"{e.index} {e.event_type} {e.data.get('step_path', '')}" for e in events],
        }
    verdict = recorder.check_golden(path)
    return {
        "file": str(path),
        "verdict": "ok" if verdict else str(verdict.error.code if verdict.error else "invalid"),
        "events": [f"{e.index} {e.event_type} {e.data.get('step_path', '')}" for e in events],
    }


def _mending(file: str) -> list[str]:
    """The next commands for a golden that does not verify."""
    import shlex

    name, folder = shlex.quote(file), shlex.quote(str(Path(file).parent))
    return [
        "keep the golden as it is, and follow docs/operate/security-incident.md; "
        f"what is wrong with it: aos-workflow golden verify {name}",
        f"put it back from an archive: aos-workflow golden restore ARCHIVE --to {folder}",
    ]


def _hints(head: Checkpoint, modules: Sequence[str], *, may_replay: bool) -> list[str]:
    """The next command, by state."""
    import shlex

    run = head.run_id
    code = " ".join(f"--workflows {shlex.quote(each)}" for each in modules or ("MODULE",))
    replay = f"aos-workflow replay-local --run {run} {code}"
    where = f"{replay} says where; " if may_replay else ""
    return {
        "queued": [
            f"start a worker: aos-workflow worker {code}  (or: aos-workflow resume --run-id {run} {code})"
        ],
        "running": [
            f"wait for {head.owner}; if it is dead, its runs are queued again after 3 minutes"
        ],
        "suspended": [
            f"it waits for: {head.reason}; then: aos-workflow resume --run-id {run} {code}"
        ],
        "completed": [replay] if may_replay else [],
        "failed": [f"mend the cause, then: aos-workflow retry --run {run}"],
        "cancelled": [],
        "quarantined": [
            f"it did not repeat what it had done; {where}"
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
        ("updated", f"{at(head.updated_at_s)}, {_age(head.updated_at_s)} ago"),
    ]
    for name, value in (
        ("worker", head.owner),
        ("waits for", head.reason),
        ("error", head.error_code),
        ("", shown_message(head.error_message)),
        ("hash", head.last_result_hash),
    ):
        if value:
            facts.append((name, value))
    return facts


def _age(time_s: float) -> str:
    from aos_workflow.determinism import SystemClock

    age_s = max(0.0, SystemClock().now().timestamp() - time_s)
    for unit, length_s in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if age_s >= 2 * length_s:
            return f"{age_s / length_s:.0f} {unit}"
    return f"{age_s:.0f} seconds"


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

"""Which recorded run is replayed, and how."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aos_workflow.determinism import sorted_files
from aos_workflow.engine.dry_run import dry_run
from aos_workflow.engine.golden_journal import RecordedRun, recorded_run
from aos_workflow.engine.program import Program
from aos_workflow.engine.replaying import ReplayMode, Verifier, compare_runs
from aos_workflow.engine.result import RunResult
from aos_workflow.errors import GoldenForeignError, GoldenMissingError, UsageError
from aos_workflow.golden import GoldenRecorder
from aos_workflow.golden.run_golden import RUN_SUFFIX

if TYPE_CHECKING:
    from aos_workflow.engine.engine import WorkflowEngine

__all__ = ["find_recorded", "replay"]


async def replay(
    engine: WorkflowEngine,
    spec: Any,
    *,
    run_id: str | None,
    seed: int | None,
    mode: str,
    inputs: Mapping[str, Any] | None = None,
) -> RunResult:
    """See :meth:`WorkflowEngine.replay`."""
    if mode not in [each.value for each in ReplayMode]:
        known = ", ".join(each.value for each in ReplayMode)
        raise UsageError(f"replay mode {mode!r}: expected one of {known}")
    program = engine.programs.of(spec) if spec is not None else None
    if mode == ReplayMode.DRY_RUN and program is not None and run_id is None:
        return await dry_run(engine, program, None, inputs=inputs or {}, seed=seed or 0)
    if engine.recorder is None:
        raise UsageError(
            "a replay needs the goldens", hint="WorkflowEngine(..., golden=GoldenRecorder(folder))"
        )
    recorded = find_recorded(engine.recorder, run_id=run_id, program=program, seed=seed)
    if program is None:
        program = await engine.programs.version(recorded.spec_hash, engine.store)
    if mode == ReplayMode.VERIFY:
        return await _verifier(engine).verify(recorded, program)
    if mode == ReplayMode.DRY_RUN:
        return await dry_run(engine, program, recorded, inputs=recorded.inputs, seed=recorded.seed)
    result = await engine.run(
        program.source, seed=recorded.seed, inputs=recorded.inputs, tenant_id=recorded.tenant_id
    )
    error = compare_runs(recorded, result)
    if error is not None:
        raise error
    return result


def find_recorded(
    recorder: GoldenRecorder,
    *,
    run_id: str | None = None,
    program: Program | None = None,
    seed: int | None = None,
) -> RecordedRun:
    """The golden of a run; the newest one of the workflow if no run is named, or with a seed for a run without golden.

    Raises:
        GoldenMissingError: there is none.
        GoldenFileError: it is damaged, or one is that might be it.
    """
    if run_id is not None and recorder.path_of(run_id).exists():
        return _load(recorder, recorder.path_of(run_id))
    is_any = program is not None and (run_id is None or seed is not None)
    found = _of_workflow(recorder, program, seed) if program is not None and is_any else []
    if not found and run_id is not None and recorder.is_unsealed(run_id):
        raise GoldenMissingError(
            f"run {run_id!r} has not ended: its golden is not sealed yet",
            file=str(recorder.path_of(run_id)),
            hint=f"replay it when it has; how far it is: aos-workflow inspect --run {run_id}",
        )
    if not found:
        what = f"of run {run_id!r}" if run_id is not None else "that could be replayed"
        if program is not None and is_any:
            what += f", and none of workflow {program.workflow_id!r}"
            what += "" if seed is None else f" with seed {seed}"
        raise GoldenMissingError(
            f"no golden {what}",
            file=str(recorder.folder),
            hint="have runs recorded: worker --golden FOLDER, or WorkflowEngine(..., golden=GoldenRecorder(folder))",
        )
    return found[-1]


def _of_workflow(recorder: GoldenRecorder, program: Program, seed: int | None) -> list[RecordedRun]:
    """The goldens of a workflow, the newest last. Goldens of other things are not ours to complain about.

    A damaged one is: whatever it says that it is of, it may be the one that is looked for.
    """
    found: list[tuple[int, RecordedRun]] = []
    for path in sorted_files(recorder.folder, RUN_SUFFIX):
        try:
            recorded = _load(recorder, path)
        except GoldenForeignError:
            continue
        if recorded.workflow_id == program.workflow_id and seed in (None, recorded.seed):
            found.append((path.stat().st_mtime_ns, recorded))
    found.sort(key=lambda each: (each[1].spec_hash == program.spec_hash, each[0], each[1].run_id))
    return [recorded for _, recorded in found]


def _load(recorder: GoldenRecorder, path: Path) -> RecordedRun:
    return recorded_run(recorder.load_golden(path), file=str(path))


def _verifier(engine: WorkflowEngine) -> Verifier:
    return Verifier(
        registry=engine.registry,
        sandbox=engine.sandbox,
        rules=engine.rules,
        clock=engine.clock,
        executor=engine.executor.unmetered(),
    )

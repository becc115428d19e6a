"""Replays: a recorded run again, and whether it is the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aos_workflow.determinism import Clock
from aos_workflow.engine.driving import drive
from aos_workflow.engine.ending import End, end_of, in_order, results_in_order
from aos_workflow.engine.executor import StepExecutor
from aos_workflow.engine.golden_journal import RecordedRun
from aos_workflow.engine.journal import Journal
from aos_workflow.engine.outcome import Diverged, Lost
from aos_workflow.engine.outside import Escape, closed
from aos_workflow.engine.permission import Permission
from aos_workflow.engine.program import Program
from aos_workflow.engine.recording import Recording
from aos_workflow.engine.result import RunResult
from aos_workflow.engine.run import Identity, Nowhere, Run
from aos_workflow.engine.services import ReplayServices, Sandbox
from aos_workflow.errors import DivergenceError, ExternalCallBlockedError
from aos_workflow.golden import Rules
from aos_workflow.golden.diff import diff
from aos_workflow.skills.registry import SkillRegistry

__all__ = ["ReplayMode", "Verifier", "compare_runs"]


class ReplayMode(StrEnum):
    """How a recorded run is repeated."""

    VERIFY = "verify"
    """The outside world is served from the golden; what has no side effects is executed again; all is compared."""
    DRY_RUN = "dry_run"
    """Nothing outside is touched; what would run is listed, with what it would cost."""
    LIVE = "live"
    """A new run, with side effects, compared with the recorded one."""


@dataclass(frozen=True)
class Verifier:
    """Replays recorded runs without a store, a network or a clock."""

    registry: SkillRegistry
    sandbox: Sandbox | None
    rules: Rules
    clock: Clock
    executor: StepExecutor
    allow_loopback: bool = True

    async def verify(self, recorded: RecordedRun, program: Program) -> RunResult:
        """Repeat a run from its golden alone. The result is that of the replay.

        Raises:
            DivergenceError: the first difference, and where.
            ExternalCallBlockedError: code outside of a step reached for the outside world.
        """
        _same_version(recorded, program)
        run = self._run(recorded, program)
        escapes: list[Escape] = []
        with closed(escapes.append, allow_loopback=self.allow_loopback):
            services = ReplayServices(self.registry, self.sandbox)
            outcome = await drive(run, program, services, recorded.inputs)
        if escapes:
            raise _blocked(recorded, escapes[0])
        if isinstance(outcome, Diverged):
            raise outcome.error
        assert not isinstance(outcome, Lost), outcome
        ordered = in_order(run.steps, program)
        end = end_of(recorded.spec_hash, recorded.seed, ordered, outcome, self.rules)
        error = _different_end(recorded, end)
        if error is not None:
            raise error
        return RunResult(
            run_id=recorded.run_id,
            workflow_id=recorded.workflow_id,
            spec_hash=recorded.spec_hash,
            seed=recorded.seed,
            status=end.status,
            output=end.plain_output,
            workflow_hash=end.workflow_hash,
            step_results=results_in_order(ordered),
            cost_cents=run.cost_cents,
            error_code=end.error_code,
            error_message=end.error_message,
        )

    def _run(self, recorded: RecordedRun, program: Program) -> Run:
        return Run(
            identity=Identity(
                recorded.run_id,
                recorded.workflow_id,
                recorded.spec_hash,
                recorded.seed,
                recorded.tenant_id,
            ),
            rules=self.rules,
            clock=self.clock,
            journal=Journal(
                recorded.steps,
                recorded.draws,
                inputs=recorded.step_inputs,
                repeats=recorded.repeats,
                strict=True,
                in_program_order=program.in_program_order,
            ),
            sink=Nowhere(),
            recording=Recording(None, recorded.run_id),
            executor=self.executor,
            permission=Permission(),
            max_parallel=program.max_parallel,
            replaying=True,
        )


def compare_runs(recorded: RecordedRun, result: RunResult) -> DivergenceError | None:
    """The first difference between a recorded run and another one of the same workflow, seed and inputs."""
    steps = {step.step_path: step for step in result.step_results}
    for record in recorded.steps:
        again = steps.pop(record.step_path, None)
        if again is None:
            return _step_differs(recorded, "missing", record.step_path, record.step_path, None)
        for kind, expected, got in (
            ("input", record.input_hash, again.input_hash),
            ("error", record.error_code, again.error_code),
            ("output", record.output_hash, again.output_hash),
        ):
            if expected != got:
                return _step_differs(recorded, kind, record.step_path, expected, got)
    for path in steps:
        return _step_differs(recorded, "extra", path, None, path)
    if recorded.workflow_hash != result.workflow_hash:
        last = ("the end", recorded.workflow_hash, result.workflow_hash)
        return _step_differs(recorded, "result", *last)
    return None


def _step_differs(
    recorded: RecordedRun, kind: str, path: str, expected: Any, got: Any
) -> DivergenceError:
    return DivergenceError(
        f"a new run does not repeat run {recorded.run_id!r}, at {path}: {kind}: expected {expected}, got {got}",
        kind=kind,
        expected=expected,
        got=got,
        run_id=recorded.run_id,
        step_path=path,
        hint="compare the two goldens: aos-workflow golden diff A B",
    )


def _different_end(recorded: RecordedRun, end: End) -> DivergenceError | None:
    """How the end of a replay differs from the recorded one, if it does."""
    if recorded.status is None:
        return None
    pairs: tuple[tuple[str, Any, Any], ...] = (
        ("result", recorded.status.value, end.status.value),
        ("error", recorded.error_code, end.error_code),
    )
    for kind, expected, got in pairs:
        if expected != got:
            return _ending(recorded, kind, expected, got, end)
    if recorded.workflow_hash == end.workflow_hash:
        return None
    return _ending(recorded, "result", recorded.workflow_hash, end.workflow_hash, end)


def _ending(recorded: RecordedRun, kind: str, expected: Any, got: Any, end: End) -> DivergenceError:
    found = diff(recorded.output, end.plain_output)
    diffs = tuple(entry.to_json() for entry in found.entries[:_MAX_DIFFS])
    shown = "".join(
        f"\n  {each['path']}: expected {each.get('expected')!r}, got {each.get('got')!r}"
        for each in diffs[:5]
    )
    error = f"; {end.error_message}" if end.error_message else ""
    return DivergenceError(
        f"run {recorded.run_id!r} ends otherwise than it was recorded: expected {expected}, got {got}{error}{shown}",
        kind=kind,
        expected=expected,
        got=got,
        diffs=diffs,
        run_id=recorded.run_id,
        hint="undo the change, or give the workflow a new version and record it again",
    )


def _blocked(recorded: RecordedRun, escape: Escape) -> ExternalCallBlockedError:
    return ExternalCallBlockedError(
        f"the replay of run {recorded.run_id!r} reached for the outside world: {escape.event} to {escape.target}, at "
        f"{escape.site}",
        event=escape.event,
        target=escape.target,
        site=escape.site,
        run_id=recorded.run_id,
        hint="do it in a step: ctx.step(skill, ...) or ctx.call(function, ...)",
    )


_MAX_DIFFS = 20


def _same_version(recorded: RecordedRun, program: Program) -> None:
    if recorded.spec_hash == program.spec_hash:
        return
    raise DivergenceError(
        f"run {recorded.run_id!r} was recorded with another version of workflow {recorded.workflow_id!r}: expected "
        f"spec hash {recorded.spec_hash}, got {program.spec_hash}",
        kind="spec",
        expected=recorded.spec_hash,
        got=program.spec_hash,
        run_id=recorded.run_id,
        hint="replay it with the version that it was recorded with, or record it again",
    )

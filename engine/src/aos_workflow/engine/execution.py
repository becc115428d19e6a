"""One execution of a run that this process has: from its head in the store to the next state that is committed."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_workflow.checkpoint.port import Store
from aos_workflow.checkpoint.records import Checkpoint, Commit, RunStatus, StepRecord
from aos_workflow.determinism import Clock
from aos_workflow.engine.committer import Committer
from aos_workflow.engine.driving import drive
from aos_workflow.engine.ending import End, end_of, in_order, results_in_order
from aos_workflow.engine.executor import StepExecutor
from aos_workflow.engine.journal import Journal
from aos_workflow.engine.outcome import Diverged, Lost, Outcome
from aos_workflow.engine.outside import watched
from aos_workflow.engine.payload import decode
from aos_workflow.engine.permission import ControlsReader, Permission
from aos_workflow.engine.program import Program
from aos_workflow.engine.recording import Recording
from aos_workflow.engine.result import RunResult
from aos_workflow.engine.run import Identity, Run
from aos_workflow.engine.services import LiveServices
from aos_workflow.errors import PolicyStoreLostError
from aos_workflow.golden import GoldenRecorder, Rules
from aos_workflow.policies import EmergencyStop, PolicyEnforcer, RunScope

__all__ = ["RETRY", "Execution", "identity_of"]

RETRY = "retry"
"""How the reason of a run begins that was taken up again after it had failed: its last failures are forgiven."""


@dataclass(frozen=True)
class Execution:
    """What executions of one engine share."""

    store: Store
    owner: str
    rules: Rules
    clock: Clock
    executor: StepExecutor
    controls: ControlsReader
    emergency: EmergencyStop | None
    policy: PolicyEnforcer | None
    recorder: GoldenRecorder | None

    async def go_on(self, head: Checkpoint, program: Program, services: LiveServices) -> RunResult:
        """Go on with a run that is ours, until it ends or must wait; commit how that was.

        Raises:
            DivergenceError: it did not repeat what it had done; it is quarantined.
            StoreError: it is somebody else's by now, or the store is gone; nothing more was written.
        """
        meter = self.executor.meter
        began_s = meter.now_s()
        steps = await self.store.load_steps(head.run_id) if head.next_step_index else ()
        waited = await self.store.load_draws(head.run_id) if _was_given_up(head) else None
        meter.loaded(began_s)
        committer = Committer(self.store, head, self.owner, meter)
        inputs = decode(head.input_json)
        recording = Recording(self.recorder, head.run_id)
        journal = Journal(steps, _draws(steps, waited), in_program_order=program.in_program_order)
        if _is_retry(head):
            journal.forgive()
        run = Run(
            identity=identity_of(head),
            rules=self.rules,
            clock=self.clock,
            journal=journal,
            sink=committer,
            recording=recording,
            executor=self.executor,
            permission=Permission(
                lease=committer,
                execution=head.version,
                controls=self.controls,
                emergency=self.emergency,
                policy=self.policy,
                park_after_s=services.park_after_s,
                sleep=services.wait,
            ),
            max_parallel=program.max_parallel,
        )
        try:
            outcome = await self._drive(run, head, program, services, inputs, steps)
        except asyncio.CancelledError:
            await self._give_back(run, head, committer)
            raise
        if isinstance(outcome, Lost):
            recording.abandon()
            meter.run_left(head.workflow_id, "lost")
            raise outcome.error
        return await self._conclude(run, head, program, committer, outcome)

    async def _drive(
        self,
        run: Run,
        head: Checkpoint,
        program: Program,
        services: LiveServices,
        inputs: Mapping[str, Any],
        steps: tuple[StepRecord, ...],
    ) -> Outcome:
        try:
            budget = await self._open_budget(head, program, steps)
        except PolicyStoreLostError as error:
            return run.permission.store_lost(error)
        run.recording.start(
            workflow_id=head.workflow_id,
            spec_hash=head.spec_hash,
            seed=head.seed,
            inputs=inputs,
            budget=budget,
            tenant_id=head.tenant_id,
        )
        left_s = None
        if program.timeout_s is not None:
            begun_s = head.started_at_s or self.clock.now().timestamp()
            left_s = max(0.0, begun_s + program.timeout_s - self.clock.now().timestamp())
        recording = run.recording
        with watched(recording.external_call) if recording.is_on else nullcontext():
            outcome = await drive(run, program, services, inputs, time_left_s=left_s)
        if self.policy is not None:
            spent = _spent(head.run_id, tuple(run.steps.values()))
            if not isinstance(outcome, Lost):
                outcome = await run.permission.settle_all(head.run_id, spent, outcome)
            await self.policy.close_run(head.run_id)
        return outcome

    async def _open_budget(
        self, head: Checkpoint, program: Program, steps: tuple[StepRecord, ...]
    ) -> Mapping[str, Any]:
        if self.policy is None:
            return {}
        ceiling = head.budget_cents
        snapshot = await self.policy.open_run(
            RunScope(
                run_id=head.run_id,
                tenant_id=head.tenant_id,
                workflow_id=head.workflow_id,
                ceiling_cents=program.budget_cents if ceiling is None else ceiling,
                spent=_spent(head.run_id, steps),
                copied=frozenset(_spent(head.run_id, _copied(head, steps))),
            )
        )
        return snapshot.to_json()

    async def _give_back(self, run: Run, head: Checkpoint, committer: Committer) -> None:
        """This process was asked to stop: another one may go on at once."""
        run.recording.abandon()
        await asyncio.shield(run.permission.pay())
        back = Commit(
            head.run_id,
            self.owner,
            committer.version,
            (),
            RunStatus.QUEUED,
            draws_json=run.all_draws(),
            reason=_kept(head, "drained"),
        )
        await asyncio.shield(committer.finish(back))

    async def _conclude(
        self,
        run: Run,
        head: Checkpoint,
        program: Program,
        committer: Committer,
        outcome: Outcome,
    ) -> RunResult:
        ordered = in_order(run.steps, program)
        end = end_of(head.spec_hash, head.seed, ordered, outcome, self.rules)
        draws = run.take_draws() if end.workflow_hash is not None else run.all_draws()
        kept = None if end.status is RunStatus.FAILED else draws  # a retry draws anew
        await committer.finish(_last_commit(head, self.owner, end, ordered, kept))
        self.executor.meter.run_left(head.workflow_id, end.status.value)
        if end.status is RunStatus.SUSPENDED:
            await self.store.wake(head.run_id)
        golden = await self._seal(run, end, ordered, draws)
        if isinstance(outcome, Diverged):
            self.executor.meter.replay_failed(outcome.error.code)
            raise outcome.error
        return RunResult(
            run_id=head.run_id,
            workflow_id=head.workflow_id,
            spec_hash=head.spec_hash,
            seed=head.seed,
            status=end.status,
            output=end.plain_output,
            workflow_hash=end.workflow_hash,
            step_results=results_in_order(ordered),
            cost_cents=run.cost_cents,
            reason=end.reason,
            error_code=end.error_code,
            error_message=end.error_message,
            golden=golden,
            golden_error=run.recording.error,
            resume_in_s=end.delay_s,
        )

    async def _seal(
        self, run: Run, end: End, ordered: list[StepRecord], draws: bytes | None
    ) -> Path | None:
        if end.workflow_hash is None:
            run.recording.abandon()
            return None
        data = end.golden_data()
        if draws is not None:
            data["draws"] = decode(draws)
        finish = functools.partial(
            run.recording.finish,
            status=end.status.value,
            program_order=tuple(step.step_path for step in ordered),
            **data,
        )
        return await asyncio.to_thread(finish) if run.recording.waits_for_disk else finish()


def _is_retry(head: Checkpoint) -> bool:
    return head.reason is not None and head.reason.startswith(RETRY)


def _kept(head: Checkpoint, reason: str | None) -> str | None:
    """The reason why a run waits; that it is a retry is not forgotten over it."""
    return f"{RETRY}: {reason}" if _is_retry(head) else reason


def identity_of(head: Checkpoint) -> Identity:
    return Identity(head.run_id, head.workflow_id, head.spec_hash, head.seed, head.tenant_id)


def _last_commit(
    head: Checkpoint, owner: str, end: End, ordered: list[StepRecord], draws: bytes | None
) -> Commit:
    return Commit(
        head.run_id,
        owner,
        head.version,
        (),
        end.status,
        end.workflow_hash or (ordered[-1].step_hash if ordered else None),
        end.output.json if end.output is not None else None,
        draws,
        end.reason if end.status.is_final else _kept(head, end.reason),
        end.error_code,
        end.error_message,
        end.delay_s or 0.0,
    )


def _was_given_up(head: Checkpoint) -> bool:
    """Whether somebody may have had the run before: a new one is at version 0, or 1 once it is claimed."""
    return head.version > 1


def _draws(steps: tuple[StepRecord, ...], waited: bytes | None) -> dict[str, Any]:
    """What was drawn, as the steps have it, and the commit with which the run was given up."""
    draws: dict[str, Any] = {} if waited is None else dict(decode(waited))
    for step in steps:
        if step.draws_json is not None:
            draws.update(decode(step.draws_json))
    return draws


def _copied(head: Checkpoint, steps: tuple[StepRecord, ...]) -> tuple[StepRecord, ...]:
    """The steps that a fork has from the run that it was made of."""
    return tuple(step for step in steps if step.step_index < (head.forked_from_step or 0))


def _spent(run_id: str, steps: tuple[StepRecord, ...]) -> dict[str, float]:
    """What committed steps cost, by an entry of each."""
    return {
        f"{run_id}:{step.step_path}:committed": step.cost_cents for step in steps if step.cost_cents
    }

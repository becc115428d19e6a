"""A store in this process: for tests, simulations, and runs that need not outlive it. Behaves as the PostgreSQL one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from aos_workflow.checkpoint.heads import (
    ANY_VERSION,
    disabled_skills,
    new_head,
    states_before,
    worker_lost,
)
from aos_workflow.checkpoint.limits import (
    DEAD_AFTER_S,
    MAX_PAYLOAD_BYTES,
    UNRESPONSIVE_AFTER_S,
    refuse_large,
    refuse_large_input,
)
from aos_workflow.checkpoint.memory_questions import MemoryQuestions
from aos_workflow.checkpoint.memory_run import MemoryRun
from aos_workflow.checkpoint.quantiles import QUANTILES, quantile
from aos_workflow.checkpoint.records import (
    Census,
    Checkpoint,
    Commit,
    Committed,
    Controls,
    Decision,
    Due,
    NewRun,
    RunFilter,
    RunStatistics,
    RunStatus,
    SkillRow,
    SpecRow,
    StepRecord,
    StepStatus,
    Transition,
    WorkerRow,
)
from aos_workflow.checkpoint.refusals import (
    already_over,
    conflict,
    leased,
    moved_on,
    no_question,
    not_allowed,
    other_run,
    too_few_steps,
    unknown_run,
    unknown_skill,
)
from aos_workflow.determinism import Clock, SystemClock
from aos_workflow.golden.strict_json import loads

__all__ = ["MemoryStore"]


class MemoryStore:
    """See :class:`~aos_workflow.checkpoint.port.Store`."""

    def __init__(
        self, *, clock: Clock | None = None, max_payload_bytes: int = MAX_PAYLOAD_BYTES
    ) -> None:
        self._clock = clock or SystemClock()
        self._max_payload_bytes = max_payload_bytes
        self._runs: dict[str, MemoryRun] = {}
        self._keys: dict[tuple[str, str, str], str] = {}
        self._specs: dict[str, SpecRow] = {}
        self._workers: dict[str, WorkerRow] = {}
        self._questions = MemoryQuestions()
        self._skills: dict[tuple[str, str], SkillRow] = {}
        self._controls = Controls(0)

    async def open(self) -> Self:
        return self

    async def close(self) -> None:
        return None

    # runs

    async def save_spec(self, spec: SpecRow) -> None:
        self._specs.setdefault(spec.spec_hash, spec)

    async def load_spec(self, spec_hash: str) -> SpecRow | None:
        return self._specs.get(spec_hash)

    async def newest_spec(self, workflow_id: str) -> SpecRow | None:
        found = [spec for spec in self._specs.values() if spec.workflow_id == workflow_id]
        return found[-1] if found else None

    async def create(self, run: NewRun) -> tuple[Checkpoint, bool]:
        refuse_large_input(run, self._max_payload_bytes)
        key = (run.tenant_id, run.workflow_id, run.idempotency_key or "")
        known = self._runs.get(run.run_id)
        if known is None and run.idempotency_key is not None and key in self._keys:
            known = self._runs[self._keys[key]]
        if known is not None:
            if other_run(known.head, run):
                raise conflict(known.head, run)
            return replace(known.head, epoch=self._controls.epoch), False
        head = new_head(run, self._now(), self._controls.epoch)
        self._runs[run.run_id] = MemoryRun(head)
        if run.idempotency_key is not None:
            self._keys[key] = run.run_id
        return head, True

    async def load(self, run_id: str) -> Checkpoint | None:
        run = self._runs.get(run_id)
        if run is None:
            return None
        outputs = {
            step.step_path: None if step.output_json is None else loads(step.output_json)
            for step in run.steps.values()
            if step.status is StepStatus.COMPLETED
        }
        return replace(run.head, step_outputs=outputs, epoch=self._controls.epoch)

    async def load_head(self, run_id: str) -> Checkpoint | None:
        run = self._runs.get(run_id)
        return None if run is None else replace(run.head, epoch=self._controls.epoch)

    async def load_steps(
        self, run_id: str, *, after: int = -1, limit: int | None = None
    ) -> tuple[StepRecord, ...]:
        run = self._runs.get(run_id)
        if run is None:
            return ()
        steps = run.steps.values()
        if after < 0 and limit is None:
            return tuple(steps)
        return tuple([step for step in steps if step.step_index > after][:limit])

    async def load_draws(self, run_id: str) -> bytes | None:
        run = self._runs.get(run_id)
        return None if run is None else run.draws

    async def list_runs(self, which: RunFilter) -> tuple[Checkpoint, ...]:
        heads = sorted(
            (run.head for run in self._runs.values() if _matches(run.head, which)),
            key=lambda head: (head.updated_at_s, head.run_id),
            reverse=True,
        )
        return tuple(heads[: which.limit])

    async def statistics(self, workflow_id: str, *, since_s: float | None = None) -> RunStatistics:
        runs = [
            run
            for run in self._runs.values()
            if run.head.workflow_id == workflow_id
            and (since_s is None or run.head.created_at_s >= since_s)
        ]
        durations_s = sorted(
            run.head.completed_at_s - run.head.started_at_s
            for run in runs
            if run.head.status is RunStatus.COMPLETED
            and run.head.started_at_s is not None
            and run.head.completed_at_s is not None
        )
        p50_s, p95_s, p99_s = (quantile(durations_s, share) for share in QUANTILES)
        return RunStatistics(
            workflow_id,
            dict(Counter(run.head.status for run in runs)),
            p50_s,
            p95_s,
            p99_s,
            cost_cents=round(sum(run.spent_cents for run in runs), 4),
        )

    async def delete(self, run_id: str, *, by: str) -> bool:
        run = self._runs.get(run_id)
        if run is None:
            return False
        if self._is_held(run.head):
            raise leased(run.head)
        del self._runs[run_id]
        self._keys = {key: found for key, found in self._keys.items() if found != run_id}
        self._questions.forget(run_id)
        return True

    # going on with a run

    async def commit(self, commit: Commit) -> Committed:
        run = self._runs.get(commit.run_id)
        if run is None or not run.may_commit(commit):
            if (
                run is not None
                and run.last == commit
                and run.head.version == commit.expected_version + 1
            ):
                return self._committed(run.head)
            raise moved_on(commit)
        refuse_large(commit, self._max_payload_bytes)
        run.commit(commit, self._now())
        return Committed(run.version, run.cancel_requested, self._controls.epoch)

    async def claim(
        self, owner: str, *, queues: Sequence[str] = ("default",), limit: int = 1
    ) -> tuple[Checkpoint, ...]:
        now = self._now()
        due = sorted(
            (
                run.head
                for run in self._runs.values()
                if run.head.status is RunStatus.QUEUED
                and run.head.queue in queues
                and run.head.available_at_s <= now
            ),
            key=lambda head: (head.priority, head.available_at_s, head.run_id),
        )
        return tuple(self._take(head, owner) for head in due[:limit])

    async def take(self, run_id: str, owner: str) -> Checkpoint:
        head = self._head(run_id)
        if self._is_held(head) and head.owner != owner:
            raise leased(head)
        if head.status in (RunStatus.COMPLETED, RunStatus.CANCELLED, RunStatus.QUARANTINED):
            raise already_over(head, "be taken up")
        return self._take(head, owner)

    async def transition(self, change: Transition) -> Checkpoint:
        head = self._head(change.run_id)
        if change.expected_version not in (None, head.version):
            raise moved_on(change)
        if head.status not in states_before(change.status):
            raise not_allowed(head, change.status)
        return self._set(
            head,
            status=change.status,
            owner=None,
            reason=change.reason,
            error_code=change.error_code,
            error_message=change.error_message,
            attempts=0 if change.reset_attempts else head.attempts,
            available_at_s=self._now(),
            completed_at_s=self._now() if change.status.is_final else None,
            cancel_requested=head.cancel_requested and change.status is not RunStatus.QUEUED,
            budget_cents=head.budget_cents if change.budget_cents is None else change.budget_cents,
        )

    async def request_cancel(self, run_id: str, *, by: str) -> Checkpoint:
        head = self._head(run_id)
        if head.status not in states_before(RunStatus.CANCELLED):
            raise already_over(head, "be cancelled")
        if head.status is RunStatus.RUNNING:
            return self._set(head, bump=False, cancel_requested=True)
        return self._set(
            head,
            status=RunStatus.CANCELLED,
            cancel_requested=True,
            reason=f"cancelled by {by}",
            error_code="RUN_CANCELLED",
            completed_at_s=self._now(),
        )

    async def fork(self, run_id: str, new: NewRun, *, steps: int) -> Checkpoint:
        source = self._runs.get(run_id)
        if source is None:
            raise unknown_run(run_id)
        kept = list(source.steps.values())[:steps]
        if len(kept) < steps:
            raise too_few_steps(run_id, steps, len(kept))
        head, is_new = await self.create(
            replace(new, mode="fork", forked_from_run_id=run_id, forked_from_step=steps)
        )
        if not is_new:
            raise conflict(head, new)
        run = self._runs[new.run_id]
        run.steps = {
            step.step_path: replace(step, step_index=index) for index, step in enumerate(kept)
        }
        return self._set(run.head, bump=False, next_step_index=steps)

    # asking people

    async def ask(self, question: Decision, *, expires_in_s: float | None = None) -> Decision:
        if question.run_id not in self._runs:
            raise unknown_run(question.run_id)
        return self._questions.ask(question, self._now(), expires_in_s)

    async def decide(
        self,
        run_id: str,
        name: str,
        *,
        decision: str,
        by: str,
        payload_json: bytes | None = None,
        step_path: str | None = None,
    ) -> Decision:
        head = self._head(run_id)
        if head.status in (RunStatus.COMPLETED, RunStatus.CANCELLED):
            raise already_over(head, f"be told {name!r}")
        now = self._now()
        found = self._questions.open_one(run_id, name, step_path, now)
        if found is None and decision == "received" and step_path is None:
            found = self._questions.early_signal(run_id, name, now)
        if found is None:
            raise no_question(run_id, name)
        found = replace(
            found, decision=decision, payload_json=payload_json, decided_by=by, decided_at_s=now
        )
        self._questions.keep(found)
        await self.wake(run_id)
        return found

    async def decisions(
        self,
        *,
        run_id: str | None = None,
        tenant_id: str | None = None,
        open_only: bool = False,
        limit: int = 100,
    ) -> tuple[Decision, ...]:
        found = [
            question
            for question in self._questions.all()
            if run_id in (None, question.run_id)
            and tenant_id in (None, self._runs[question.run_id].head.tenant_id)
            and not (open_only and question.decision)
        ]
        found.sort(key=lambda question: (question.requested_at_s, question.step_path))
        return tuple(found[:limit])

    async def wake(self, run_id: str) -> bool:
        run = self._runs.get(run_id)
        if run is None or run.head.status is not RunStatus.SUSPENDED:
            return False
        now = self._now()
        answered = self._questions.has_answer(run_id, run.steps, now)
        if answered:
            self._set(run.head, status=RunStatus.QUEUED, available_at_s=now)
        return answered

    # workers

    async def join(self, worker: WorkerRow) -> None:
        now = self._now()
        self._workers[worker.worker_id] = replace(worker, heartbeat_at_s=now, started_at_s=now)

    async def beat(self, worker_id: str, *, status: str = "running") -> bool:
        known = self._workers.get(worker_id)
        if known is None:
            return False
        self._workers[worker_id] = replace(known, heartbeat_at_s=self._now(), status=status)
        return True

    async def leave(self, worker_id: str) -> int:
        self._workers.pop(worker_id, None)
        held = [run.head for run in self._runs.values() if run.head.owner == worker_id]
        for head in held:
            self._set(
                head,
                status=RunStatus.QUEUED,
                owner=None,
                attempts=max(0, head.attempts - 1),
                available_at_s=self._now(),
            )
        return len(held)

    async def workers(self) -> tuple[WorkerRow, ...]:
        counts: dict[str | None, int] = {}
        for run in self._runs.values():
            counts[run.head.owner] = counts.get(run.head.owner, 0) + 1
        silent_s = self._now() - UNRESPONSIVE_AFTER_S
        return tuple(
            replace(
                worker,
                running=counts.get(name, 0),
                status="unresponsive" if worker.heartbeat_at_s <= silent_s else worker.status,
            )
            for name, worker in sorted(self._workers.items())
        )

    async def reap(self, *, silent_for_s: float = 180.0, limit: int = 500) -> tuple[str, ...]:
        now = (
            self._now()
        )  # of all that are found: they wait by their names then, as in the database
        limit_s = now - silent_for_s
        reaped: list[str] = []
        for run in self._runs.values():
            head = run.head
            if head.status is not RunStatus.RUNNING or len(reaped) >= limit:
                continue
            worker = self._workers.get(head.owner or "")
            if worker is None or worker.heartbeat_at_s <= limit_s:
                self._requeue(head, now)
                reaped.append(head.run_id)
        for run_id in self._questions.run_ids():
            if len(reaped) < limit and await self.wake(run_id):
                reaped.append(run_id)
        return tuple(sorted(reaped))

    # operators

    async def census(self, *, stale: int = 100) -> Census:
        now = self._now()
        heads = [run.head for run in self._runs.values() if not run.head.status.is_final]
        due: dict[str, list[float]] = {}
        for head in heads:
            if head.status is RunStatus.QUEUED and head.available_at_s <= now:
                due.setdefault(head.queue, []).append(now - head.available_at_s)
        running = [head for head in heads if head.status is RunStatus.RUNNING]
        running.sort(key=lambda head: (head.updated_at_s, head.run_id))
        return Census(
            Counter(head.status for head in heads),
            {queue: Due(len(ages), max(ages)) for queue, ages in due.items()},
            tuple((h.run_id, h.workflow_id, now - h.updated_at_s) for h in running[:stale]),
            sum(question.decision is None for question in self._questions.all()),
        )

    async def controls(self) -> Controls:
        return self._controls

    async def set_stop(self, stopped: bool, *, by: str, reason: str | None = None) -> Controls:
        self._change_controls(stopped=stopped, stop_reason=reason if stopped else None)
        return self._controls

    async def register_skills(self, skills: Sequence[SkillRow]) -> None:
        for row in skills:
            known = self._skills.get((row.skill_id, row.version))
            if known is not None:
                row = replace(row, enabled=known.enabled, disabled_reason=known.disabled_reason)
            self._skills[row.skill_id, row.version] = row

    async def set_skill(
        self,
        skill_id: str,
        *,
        enabled: bool,
        by: str,
        reason: str | None = None,
        version: str | None = None,
        unregistered: bool = False,
    ) -> int:
        keys = {key for key in self._skills if key[0] == skill_id and version in (None, key[1])}
        if unregistered and not enabled:
            keys.add((skill_id, version or ANY_VERSION))
        if not keys:
            raise unknown_skill(skill_id, version, await self.skills(), enabled=enabled)
        for key in keys:
            known = self._skills.get(key, SkillRow(*key))
            self._skills[key] = replace(
                known, enabled=enabled, disabled_reason=None if enabled else reason
            )
        self._change_controls(disabled_skills=disabled_skills(self._skills.values()))
        return len(keys)

    async def skills(self) -> tuple[SkillRow, ...]:
        return tuple(self._skills[key] for key in sorted(self._skills))

    # inside

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _head(self, run_id: str) -> Checkpoint:
        run = self._runs.get(run_id)
        if run is None:
            raise unknown_run(run_id)
        return run.head

    def _set(self, head: Checkpoint, *, bump: bool = True, **changes: object) -> Checkpoint:
        """The one place where a head changes outside of a commit."""
        changes.setdefault("epoch", self._controls.epoch)
        changes.setdefault("updated_at_s", self._now())
        changed: Checkpoint = replace(
            head,
            version=head.version + bump,
            **changes,  # type: ignore[arg-type]
        )
        self._runs[head.run_id].head = changed
        return changed

    def _take(self, head: Checkpoint, owner: str) -> Checkpoint:
        return self._set(
            head,
            status=RunStatus.RUNNING,
            owner=owner,
            attempts=head.attempts + 1,
            started_at_s=head.started_at_s or self._now(),
            output_json=None,
            error_code=None,
            error_message=None,
            completed_at_s=None,
        )

    def _requeue(self, head: Checkpoint, now: float) -> None:
        if head.attempts >= head.max_attempts:
            self._set(
                head,
                status=RunStatus.FAILED,
                owner=None,
                error_code="WORKER_LOST",
                error_message=worker_lost(head.attempts),
                completed_at_s=now,
                updated_at_s=now,
            )
        else:
            self._set(
                head, status=RunStatus.QUEUED, owner=None, available_at_s=now, updated_at_s=now
            )

    def _committed(self, head: Checkpoint) -> Committed:
        return Committed(head.version, head.cancel_requested, self._controls.epoch)

    def _is_held(self, head: Checkpoint) -> bool:
        """Whether a worker that is alive has the run."""
        worker = self._workers.get(head.owner or "")
        return worker is not None and worker.heartbeat_at_s > self._now() - DEAD_AFTER_S

    def _change_controls(self, **changes: object) -> None:
        self._controls = replace(
            self._controls,
            epoch=self._controls.epoch + 1,
            **changes,  # type: ignore[arg-type]
        )


def _matches(head: Checkpoint, which: RunFilter) -> bool:
    pairs = (
        (which.workflow_id, head.workflow_id),
        (which.tenant_id, head.tenant_id),
        (which.queue, head.queue),
        (which.owner, head.owner),
    )
    if any(wanted is not None and wanted != found for wanted, found in pairs):
        return False
    if which.statuses is not None and head.status not in which.statuses:
        return False
    if which.updated_before_s is not None and head.updated_at_s >= which.updated_before_s:
        return False
    return which.before is None or (head.updated_at_s, head.run_id) < which.before

"""The engine: starts runs, goes on with them, replays them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

from aos_workflow.checkpoint.port import Store
from aos_workflow.checkpoint.records import (
    Checkpoint,
    Decision,
    NewRun,
    RunStatus,
    Transition,
    WorkerRow,
)
from aos_workflow.checkpoint.refusals import conflict, other_run
from aos_workflow.determinism import Clock, Entropy, SystemClock, SystemEntropy, derive_seed
from aos_workflow.engine.code_workflow import Workflow
from aos_workflow.engine.ending import in_order, results_in_order
from aos_workflow.engine.execution import RETRY, Execution
from aos_workflow.engine.executor import StepExecutor
from aos_workflow.engine.payload import decode, encode
from aos_workflow.engine.permission import ControlsReader
from aos_workflow.engine.presence import BEAT_EVERY_S, Presence
from aos_workflow.engine.program import Program
from aos_workflow.engine.programs import Programs
from aos_workflow.engine.replays import replay as replay_recorded
from aos_workflow.engine.result import RunResult
from aos_workflow.engine.run import Run
from aos_workflow.engine.services import ChildOutcome, LiveServices, Sandbox
from aos_workflow.engine.step_options import checked_cents
from aos_workflow.errors import (
    CheckpointVersionConflictError,
    DivergenceError,
    ExternalCallBlockedError,
    GoldenFileError,
    RunConflictError,
    RunNotFoundError,
    SeedMismatchError,
    StoreError,
    UsageError,
)
from aos_workflow.golden import DEFAULT_RULES, GoldenRecorder
from aos_workflow.golden.recorder import RUN_ID
from aos_workflow.metrics import NO_METER, Meter
from aos_workflow.policies import EmergencyStop, PolicyEnforcer
from aos_workflow.skills.registry import SkillRegistry
from aos_workflow.spec import WorkflowSpec

__all__ = ["WorkflowEngine"]


class _Usual:
    """Stands for what the environment asks for."""

    def __repr__(self) -> str:
        return "USUAL"


USUAL: Final = _Usual()
_MAX_SEED = 2**63 - 1
_MAX_RUN_ID = 200


class WorkflowEngine:
    """Runs workflows durably: every step is committed before the next one begins.

    ``registry`` has the skills, ``store`` the checkpoints; without one, ``DATABASE_URL`` or the embedded PostgreSQL.
    ``golden`` records every run. ``policy`` limits what is spent, ``emergency`` is what stops everything; without
    them, those of the environment; ``None`` for none. ``sandbox`` checks plans. ``clock``, ``entropy`` and ``wait`` are
    the doors to time and chance. ``meter`` counts what happens, ``executor`` does the steps. One engine belongs to one
    event loop.
    """

    def __init__(
        self,
        registry: SkillRegistry | None = None,
        store: Store | None = None,
        *,
        golden: GoldenRecorder | None = None,
        policy: PolicyEnforcer | _Usual | None = USUAL,
        emergency: EmergencyStop | _Usual | None = USUAL,
        sandbox: Sandbox | None = None,
        workflows: Iterable[Workflow | WorkflowSpec] = (),
        clock: Clock | None = None,
        entropy: Entropy | None = None,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        worker_id: str | None = None,
        queues: tuple[str, ...] = ("default",),
        beat_every_s: float = BEAT_EVERY_S,
        meter: Meter = NO_METER,
        executor: StepExecutor | None = None,
    ) -> None:
        self.registry = registry if registry is not None else SkillRegistry()
        self.store = store if store is not None else _usual_store()
        self.recorder = golden
        self.rules = golden.rules if golden is not None else DEFAULT_RULES
        self.clock = clock or SystemClock()
        self.programs = Programs()
        self.sandbox = sandbox
        self._entropy = entropy or SystemEntropy()
        self._wait = wait
        self.emergency = _usual_emergency() if isinstance(emergency, _Usual) else emergency
        self.policy = _usual_policy() if isinstance(policy, _Usual) else policy
        name = worker_id or f"engine-{self._entropy.token_hex(8)}"
        worker = WorkerRow(name, queues)
        self.presence = Presence(self.store, worker, self.registry, beat_every_s=beat_every_s)
        self.executor = executor or StepExecutor(sleep=wait, meter=meter)
        self._execution = Execution(
            store=self.store,
            owner=name,
            rules=self.rules,
            clock=self.clock,
            executor=self.executor,
            controls=ControlsReader(self.store),
            emergency=self.emergency,
            policy=self.policy,
            recorder=golden,
        )
        for item in workflows:
            self.register(item)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave the store: what this engine still had is queued again. The store stays open."""
        await self.presence.leave()

    def register(self, item: Workflow | WorkflowSpec) -> Workflow | WorkflowSpec:
        """Make a workflow known by its id; usable as a decorator above ``@workflow``.

        Raises:
            UsageError: other code has the same id and version.
        """
        self.programs.add(item)
        return item

    # running

    async def run(
        self,
        spec: Workflow | WorkflowSpec | str | None = None,
        *,
        workflow_type: str | None = None,
        run_id: str | None = None,
        seed: int | None = None,
        inputs: Mapping[str, Any] | None = None,
        replay: bool | str = False,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        budget_cents: float | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> RunResult:
        """Run a workflow here and now, until it ends or waits for people.

        With the ``run_id`` or ``idempotency_key`` of a run that exists, that run is gone on with: what is committed is
        not executed again, and one that is over gives its result. Without a ``seed`` a new run draws one.

        ``replay`` repeats a recorded run instead: ``"verify"`` (or true), ``"dry_run"`` or ``"live"``; see
        :meth:`replay`.

        Raises:
            WorkflowNotFoundError, RunInputsError: what is to be run.
            SeedMismatchError, RunConflictError, RunLeasedError: about the run that exists.
            DivergenceError: a run that is gone on with does not repeat what it had done; it is quarantined.
            EmergencyStopError, EngineDisabledError: nothing may be started.
            StoreError: the store is gone, or somebody else has the run by now.
        """
        what = _exactly_one(spec, workflow_type, run_id)
        if replay:
            return await self.replay(
                what,
                run_id=run_id,
                seed=seed,
                mode="verify" if replay is True else replay,
                inputs=inputs,
            )
        head = await self._existing(run_id, seed)
        if head is None:
            program = self.programs.of(_required(what, run_id))
            given = inputs or {}
            head, is_new = await self._create(
                program,
                given,
                owner=self.presence.worker_id,
                run_id=run_id,
                seed=seed,
                tenant_id=tenant_id,
                idempotency_key=idempotency_key,
                budget_cents=budget_cents,
                labels=labels,
            )
            if is_new:
                return await self.go_on(head, program)
        else:
            await self._same_run(head, what, inputs)
        return await self._resume(head)

    async def start(
        self,
        spec: Workflow | WorkflowSpec | str,
        *,
        inputs: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        seed: int | None = None,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        budget_cents: float | None = None,
        labels: Mapping[str, str] | None = None,
        queue: str = "default",
        priority: int = 100,
        delay_s: float = 0.0,
        target_resource: str | None = None,
    ) -> Checkpoint:
        """Queue a run for the workers, and return at once. Idempotent by ``run_id`` and ``idempotency_key``.

        Raises as :meth:`run`.
        """
        program = self.programs.of(spec)
        head, _ = await self._create(
            program,
            inputs or {},
            run_id=run_id,
            seed=seed,
            tenant_id=tenant_id,
            idempotency_key=idempotency_key,
            budget_cents=budget_cents,
            labels=labels,
            queue=queue,
            priority=priority,
            delay_s=delay_s,
            target_resource=target_resource,
        )
        return head

    async def resume(self, run_id: str, *, budget_cents: float | None = None) -> RunResult:
        """Go on with a run that is queued, suspended or failed, or whose worker is dead. Raises as :meth:`run`.

        ``budget_cents`` is what the run may cost in all from now on; it comes before every other ceiling of the run.

        Raises:
            RunNotFoundError: there is no such run.
            RunStateError: a new ceiling, for a run that is over or that somebody has.
        """
        raised = checked_cents("budget_cents", budget_cents)
        head = await self.store.load(run_id)
        if head is None:
            raise _unknown(run_id)
        if raised is not None:
            head = await self.store.transition(
                Transition(
                    run_id,
                    RunStatus.QUEUED,
                    by="engine",
                    reason=RETRY
                    if head.status is RunStatus.FAILED
                    else f"may cost {raised:g} cents",
                    expected_version=head.version,
                    reset_attempts=head.status is RunStatus.FAILED,
                    budget_cents=raised,
                )
            )
        return await self._resume(head)

    async def result(self, run_id: str) -> RunResult:
        """A run as it is now, from the store alone.

        Raises:
            RunNotFoundError: there is no such run.
        """
        head = await self.store.load(run_id)
        if head is None:
            raise _unknown(run_id)
        return await self._result(head)

    async def load_spec(self, run_id: str) -> Workflow | WorkflowSpec:
        """The version of the workflow that a run was started with, not the newest.

        Raises:
            RunNotFoundError: there is no such run.
            WorkflowNotFoundError: it is code, and not known here.
        """
        head = await self.store.load(run_id)
        if head is None:
            raise _unknown(run_id)
        return (await self.programs.version(head.spec_hash, self.store)).source

    async def go_on(
        self, head: Checkpoint, program: Program | None = None, *, park_after_s: float | None = None
    ) -> RunResult:
        """Go on with a run that this engine has, as after ``store.claim``. Raises as :meth:`run`."""
        await self.presence.ensure()
        if program is None:
            program = await self.programs.version(head.spec_hash, self.store)
        services = LiveServices(
            registry=self.registry,
            sandbox=self.sandbox,
            store=self.store,
            start_child=self._start_child,
            wait=self._wait,
            park_after_s=park_after_s,
        )
        result = await self._execution.go_on(head, program, services)
        if head.parent_run_id is not None and result.status.is_final:
            await self._tell_parent(head)
        return result

    async def retry(self, run_id: str, *, by: str = "engine") -> Checkpoint:
        """Queue a run that failed; the steps whose failure ended it are done again, the others are not.

        Raises RunNotFoundError, RunStateError.
        """
        change = Transition(run_id, RunStatus.QUEUED, by=by, reason=RETRY, reset_attempts=True)
        return await self.store.transition(change)

    # people

    async def cancel(self, run_id: str, *, by: str = "engine") -> Checkpoint:
        """Ask a run to end before its next step. Raises RunNotFoundError, RunStateError."""
        return await self.store.request_cancel(run_id, by=by)

    async def approve(
        self, run_id: str, name: str, *, by: str, payload: Any = None, approved: bool = True
    ) -> Decision:
        """Answer ``ctx.approve(name)``; a run that was suspended for it is queued.

        Raises RunNotFoundError, RunStateError.
        """
        decision = "approved" if approved else "rejected"
        return await self._decide(run_id, name, decision, by, payload)

    async def signal(
        self, run_id: str, name: str, payload: Any = None, *, by: str = "engine"
    ) -> Decision:
        """Send what ``ctx.signal(name)`` waits for. Raises RunNotFoundError, RunStateError."""
        return await self._decide(run_id, name, "received", by, payload)

    # replaying

    async def replay(
        self,
        spec: Workflow | WorkflowSpec | str | None = None,
        *,
        run_id: str | None = None,
        seed: int | None = None,
        mode: str = "verify",
        inputs: Mapping[str, Any] | None = None,
    ) -> RunResult:
        """Repeat a recorded run.

        ``verify`` serves the outside world from the golden, executes again what has no side effects, and compares
        everything; nothing is committed, and no golden written. ``dry_run`` executes only what has no side effects, and
        estimates what the rest would cost; it needs no golden, but ``inputs``. ``live`` is a new run of the same seed
        and inputs, compared with the recorded one.

        Which run: that of the golden of ``run_id`` in the recorder's folder. Without a ``run_id``, or if it has none
        and a ``seed`` is given: the newest of this workflow, and of this seed.

        Raises:
            DivergenceError, ExternalCallBlockedError: it is not the same.
            GoldenMissingError, GoldenFileError: there is no such golden, or it is damaged.
        """
        try:
            return await replay_recorded(
                self, spec, run_id=run_id, seed=seed, mode=mode, inputs=inputs
            )
        except (DivergenceError, ExternalCallBlockedError) as error:
            self.executor.meter.replay_failed(error.code)
            raise
        except GoldenFileError as error:
            self.executor.meter.golden_refused(error.code)
            raise

    # inside

    async def _existing(self, run_id: str | None, seed: int | None) -> Checkpoint | None:
        """The run with this id, if there is one, and it is of this seed."""
        head = await self.store.load(run_id) if run_id is not None else None
        if head is not None and seed is not None and head.seed != seed:
            raise SeedMismatchError(
                f"run {run_id!r} was started with seed {head.seed}: expected {head.seed}, got {seed}",
                run_id=run_id,
                hint=f"go on with seed={head.seed}, or start a new run under another run_id",
            )
        return head

    async def _create(
        self,
        program: Program,
        inputs: Mapping[str, Any],
        *,
        seed: int | None,
        run_id: str | None,
        **fields: Any,
    ) -> tuple[Checkpoint, bool]:
        fields["budget_cents"] = checked_cents("budget_cents", fields.get("budget_cents"))
        controls = await self._execution.controls.now()
        if self.emergency is not None:
            self.emergency.check_start(db_stopped=controls.stopped, db_reason=controls.stop_reason)
        await self.programs.save(program, self.store)
        if fields.get("owner") is not None:
            await self.presence.ensure()
        fields["labels"] = fields.get("labels") or {}
        _refuse_empty(fields, "queue", "tenant_id")
        given = encode(program.bind(inputs), self.rules)
        new = NewRun(
            run_id=_checked_id(run_id)
            if run_id is not None
            else f"run-{self._entropy.token_hex(12)}",
            workflow_id=program.workflow_id,
            spec_hash=program.spec_hash,
            seed=self._seed(seed),
            input_json=given.json,
            **fields,
        )
        try:
            return await self.store.create(new)
        except RunConflictError:
            known = await self.store.load_head(new.run_id) if seed is None else None
            if known is None or known.seed == new.seed:
                raise
            return await self.store.create(replace(new, seed=known.seed))

    async def _same_run(
        self,
        head: Checkpoint,
        what: Workflow | WorkflowSpec | str | None,
        inputs: Mapping[str, Any] | None,
    ) -> None:
        """Refuse to go on with a run as another workflow, or with other inputs, than it was started with."""
        asked = NewRun(
            head.run_id,
            head.workflow_id,
            head.spec_hash,
            head.seed,
            head.input_json,
            tenant_id=head.tenant_id,
        )
        if what is not None:
            asked = replace(asked, workflow_id=self.programs.of(what).workflow_id)
        if inputs is not None and asked.workflow_id == head.workflow_id:
            program = await self.programs.version(head.spec_hash, self.store)
            asked = replace(asked, input_json=encode(program.bind(inputs), self.rules).json)
        if other_run(head, asked):
            raise conflict(head, asked)

    def _seed(self, seed: int | None) -> int:
        if seed is None:
            return int(self._entropy.token_hex(8), 16) & _MAX_SEED
        if type(seed) is not int or not -_MAX_SEED <= seed <= _MAX_SEED:
            raise UsageError(f"seed {seed!r} is no integer of 64 bits")
        return seed

    async def _resume(self, head: Checkpoint) -> RunResult:
        if head.status in (RunStatus.COMPLETED, RunStatus.CANCELLED):
            return await self._result(head)
        if self.emergency is not None:
            controls = await self._execution.controls.now()
            self.emergency.check_step(db_stopped=controls.stopped, db_reason=controls.stop_reason)
        program = await self.programs.version(head.spec_hash, self.store)
        await self.presence.ensure()
        if head.status is RunStatus.FAILED:
            await self.retry(head.run_id)
        taken = await self.store.take(head.run_id, self.presence.worker_id)
        return await self.go_on(taken, program)

    async def _result(self, head: Checkpoint) -> RunResult:
        program = await self.programs.version(head.spec_hash, self.store)
        steps = {step.step_path: step for step in await self.store.load_steps(head.run_id)}
        ordered = in_order(steps, program)
        is_over = head.status.is_final and head.status is not RunStatus.QUARANTINED
        return RunResult(
            run_id=head.run_id,
            workflow_id=head.workflow_id,
            spec_hash=head.spec_hash,
            seed=head.seed,
            status=head.status,
            output=None if head.output_json is None else decode(head.output_json),
            workflow_hash=head.last_result_hash if is_over else None,
            step_results=results_in_order(ordered),
            cost_cents=round(sum(step.cost_cents for step in ordered), 4),
            reason=head.reason,
            error_code=head.error_code,
            error_message=head.error_message,
        )

    async def _decide(
        self, run_id: str, name: str, decision: str, by: str, payload: Any
    ) -> Decision:
        sent = None if payload is None else encode(payload, self.rules).json
        return await self.store.decide(run_id, name, decision=decision, by=by, payload_json=sent)

    async def _start_child(
        self, run: Run, path: str, workflow: Any, inputs: Mapping[str, Any]
    ) -> ChildOutcome:
        """A child has an id and a seed that follow from its parent's, so it is the same child after a crash."""
        parent = run.identity
        child_id = _child_id(parent.run_id, path)
        program = self.programs.of(workflow)
        head, is_new = await self._create(
            program,
            inputs,
            run_id=child_id,
            seed=derive_seed(parent.seed, parent.workflow_id, "child", path) & _MAX_SEED,
            tenant_id=parent.tenant_id,
            parent_run_id=parent.run_id,
            parent_step_path=path,
            owner=self.presence.worker_id,
        )
        result = await (self._begin_child(head, program) if is_new else self._resume_child(head))
        if not result.status.is_final:
            question = Decision(parent.run_id, path, "child", child_id)
            await self.store.ask(question)
            return ChildOutcome(False)
        if result.ok:
            return ChildOutcome(True, result.output)
        return ChildOutcome(
            True, None, result.error_code or "EXECUTION_ERROR", result.error_message
        )

    async def _begin_child(self, head: Checkpoint, program: Program) -> RunResult:
        try:
            return await self.go_on(head, program)
        except CheckpointVersionConflictError:  # somebody else has it by now, and it is waited for
            return await self.result(head.run_id)

    async def _resume_child(self, head: Checkpoint) -> RunResult:
        if head.status in (RunStatus.QUEUED, RunStatus.RUNNING):
            with suppress(StoreError):
                return await self._resume(head)
        return await self._result(head)

    async def _tell_parent(self, head: Checkpoint) -> None:
        """Wake the parent, if it waits."""
        assert head.parent_run_id is not None
        with suppress(StoreError):
            await self.store.decide(
                head.parent_run_id,
                head.run_id,
                decision="received",
                by="engine",
                step_path=head.parent_step_path,
            )


def _exactly_one(
    spec: Workflow | WorkflowSpec | str | None, workflow_type: str | None, run_id: str | None
) -> Workflow | WorkflowSpec | str | None:
    if spec is not None and workflow_type is not None:
        raise UsageError("give a spec or a workflow_type, not both")
    found = spec if spec is not None else workflow_type
    if found is None and run_id is None:
        raise UsageError(
            "nothing to run", hint="engine.run(spec), engine.run(workflow_type=...) or run_id=..."
        )
    return found


def _required(
    what: Workflow | WorkflowSpec | str | None, run_id: str | None
) -> Workflow | WorkflowSpec | str:
    if what is None:
        raise _unknown(run_id or "")
    return what


def _checked_id(run_id: str) -> str:
    if not RUN_ID.fullmatch(run_id):
        raise UsageError(
            f"run id {run_id!r} cannot name a golden and a budget",
            hint="use letters, digits, '.', '_' and '-', at most 200, not beginning with '.' or '-'",
        )
    return run_id


def _refuse_empty(fields: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if fields.get(name) == "":
            raise UsageError(f"{name} is empty", hint=f"name it, or leave it out: {name}='default'")


def _unknown(run_id: str) -> RunNotFoundError:
    return RunNotFoundError(
        f"no run {run_id!r} is in the store",
        run_id=run_id,
        hint="aos-workflow list-running; or give a workflow to start it",
    )


def _child_id(parent: str, path: str) -> str:
    """An id that can name a golden, and is short enough whatever the depth."""
    plain = path.replace("/", ".").replace(":", "-")
    child = f"{parent}.{plain}"
    if len(child) <= _MAX_RUN_ID and all(c.isalnum() or c in "._-" for c in plain):
        return child
    digest = hashlib.sha256(child.encode()).hexdigest()[:24]
    return f"{parent[: _MAX_RUN_ID - 25]}.{digest}"


def _usual_store() -> Store:
    from aos_workflow.assembly import default_store

    return default_store()


def _usual_emergency() -> EmergencyStop:
    from aos_workflow.assembly import default_emergency

    return default_emergency()


def _usual_policy() -> PolicyEnforcer:
    from aos_workflow.assembly import default_policy

    return default_policy()

"""One run while it is executed: every step, draw and wait of its program comes through here."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NoReturn, Protocol

import orjson

from aos_workflow.checkpoint.records import StepRecord, StepStatus
from aos_workflow.determinism import Clock, derive_seed, rfc3339
from aos_workflow.engine.abandoned import Abandoned, abandoned_key
from aos_workflow.engine.divergence import (
    StepAttempt,
    call_site,
    different_call,
    different_outcome,
    draw_differs,
    not_cancelled,
    other_skill,
    skipped_now,
    unexpected,
)
from aos_workflow.engine.executor import ONCE, Execution, StepCall, StepExecutor, describe
from aos_workflow.engine.idling import Idling
from aos_workflow.engine.journal import NOT_DRAWN, Journal
from aos_workflow.engine.lineage import outside
from aos_workflow.engine.outcome import Diverged, Lost, Outcome
from aos_workflow.engine.outside import unwatched
from aos_workflow.engine.payload import NULL as _NO_INPUT
from aos_workflow.engine.payload import Payload, decode, encode
from aos_workflow.engine.permission import Permission
from aos_workflow.engine.recording import Recording
from aos_workflow.errors import (
    AosError,
    DivergenceError,
    SkillNotFoundError,
    StepFailedError,
    StoreError,
)
from aos_workflow.golden import Rules
from aos_workflow.golden.hashing import step_hash
from aos_workflow.skills.skill import SideEffects, Skill
from aos_workflow.spec.models import RetrySpec

__all__ = ["Identity", "Nowhere", "Run", "Sink", "StepRequest"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Which run this is."""

    run_id: str
    workflow_id: str
    spec_hash: str
    seed: int
    tenant_id: str = "default"


class Sink(Protocol):
    """Where steps go that are over: the store, or nowhere in a replay."""

    def next_index(self) -> int: ...

    async def commit(self, step: StepRecord) -> None: ...

    def defer(self, step: StepRecord) -> None: ...


class Nowhere:
    """The steps of a replay are kept by nobody."""

    epoch = 0
    cancel_requested = False

    def next_index(self) -> int:
        return -1

    async def commit(self, step: StepRecord) -> None:
        return None

    def defer(self, step: StepRecord) -> None:
        return None


@dataclass(frozen=True, slots=True)
class StepRequest:
    """A step that the program asks for. ``skill`` finds the skill, when it is to be executed."""

    path: str
    step_id: str
    kind: str
    skill_id: str | None
    skill_version: str | None
    skill: Callable[[str | None], Skill]
    inputs: Mapping[str, Any]
    retry: RetrySpec = ONCE
    timeout_s: float | None = None
    cost_cents: float | None = None
    max_cents: float | None = None
    idempotency_key: str | None = None
    transform: Callable[[Any], Any] | None = None

    def cost_of(self, skill: Skill) -> float:
        """What one try is expected to cost, in cents."""
        return skill.cost_cents if self.cost_cents is None else self.cost_cents


class Active:
    """A block in which the engine is at work. A class, for every step passes through it several times."""

    __slots__ = ("_idling", "_outside", "_unwatched")

    def __init__(self, idling: Idling) -> None:
        self._idling = idling
        self._outside = outside()
        self._unwatched = unwatched()

    def __enter__(self) -> None:
        self._outside.__enter__()
        self._unwatched.__enter__()
        self._idling.begin()

    def __exit__(self, *_: object) -> None:
        self._idling.end()
        self._unwatched.__exit__()
        self._outside.__exit__()


@dataclass
class Run:
    """The state of one execution of a run.

    ``replaying`` executes again only what has no side effects, and compares; everything else is served from the
    journal. ``served`` and executed steps are in ``steps``, by path.
    """

    identity: Identity
    rules: Rules
    clock: Clock
    journal: Journal
    sink: Sink
    recording: Recording
    executor: StepExecutor
    permission: Permission
    max_parallel: int
    replaying: bool = False
    steps: dict[str, StepRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[Outcome] = self._loop.create_future()
        self.idling = Idling(self.stop)
        self._slots = asyncio.Semaphore(self.max_parallel)
        self._draws: dict[str, Any] = {}
        self._last_seed = ("", 0)
        self._began_s = self._loop.time()
        self.is_leaving = False
        """Whether what the program still does is being cancelled from outside."""
        self.asked: set[str] = set()
        """The paths of all steps that the program came to."""

    def active(self) -> Active:
        """The engine does something for the program; tasks that this makes are none of the program's."""
        return Active(self.idling)

    # ending

    def stop(self, outcome: Outcome) -> None:
        """Decide how the execution ends; the first decision counts."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    async def halt(self, outcome: Outcome) -> NoReturn:
        """Decide it, and go no further: the program is about to be cancelled, whatever it would catch."""
        self.stop(outcome)
        await self._loop.create_future()
        raise AssertionError("a halted run went on")

    # steps

    async def step(self, request: StepRequest) -> Any:
        """Do a step, or serve it; its output as plain data.

        Raises:
            StepFailedError: it failed, after all its tries; now or when it was recorded.
            CanonicalError: the inputs are no JSON data.
        """
        self.asked.add(request.path)
        with self.active():
            inputs = encode(request.inputs, self.rules)
            recorded = self.journal.take(request.path)
            await self._abandoned_before(request, inputs, recorded)
            if recorded is not None:
                return await self._again(request, inputs, recorded)
            if self.journal.strict or self.journal.contradicts(request.path):
                now = self._attempt(request, inputs)
                await self.halt(Diverged(unexpected(now, self.journal.left)))
            try:
                async with self._slots:
                    execution, skill = await self._execute(request, inputs)
                record = self._record(request, inputs, execution, skill)
                await self._commit(record, execution, inputs.json)
            except asyncio.CancelledError:
                self._abandon(request, inputs)
                raise
            return self.serve(record, inputs.json, repeats=_repeats(request, skill))

    async def _again(self, request: StepRequest, inputs: Payload, recorded: StepRecord) -> Any:
        """A step that was done before: the same call must be made, and where it is repeated, the same come out."""
        now = self._attempt(request, inputs)
        known = self.journal.inputs.get(request.path)
        await self._halt_on(different_call(recorded, now, known))
        repeats = self._is_repeatable(request, recorded)
        if self.replaying:
            await self._halt_on(self._other_skill(request, recorded, now))
            if repeats:
                same = replace(request, skill_version=recorded.skill_version)
                try:
                    async with self._slots:
                        execution, skill = await self._execute(same, inputs)
                except asyncio.CancelledError:  # sooner than when it was recorded
                    self.steps[request.path] = recorded
                    raise
                again = self._record(same, inputs, execution, skill)
                await self._halt_on(_compare(recorded, now, again))
        return self.serve(recorded, inputs.json, repeats=repeats)

    def serve(self, record: StepRecord, input_json: bytes, *, repeats: bool = False) -> Any:
        """Take a step that is over into the run, and give its output. Raises StepFailedError if it failed.

        ``repeats``: the golden is to say that a replay executes it again.
        """
        self.steps[record.step_path] = record
        self.recording.step(record, input_json, repeats=repeats)
        if record.status is StepStatus.FAILED:
            raise StepFailedError(
                f"step {record.step_path!r} failed: {record.error_message}",
                error_code=record.error_code or "EXECUTION_ERROR",
                attempts=record.attempt,
                run_id=self.identity.run_id,
                step_path=record.step_path,
            )
        return None if record.output_json is None else decode(record.output_json)

    def skip(self, path: str, step_id: str, skill_id: str) -> None:
        """A step of a spec that is not wanted; it goes into the store with the next one."""
        recorded = self.journal.take(path)
        if recorded is None and self.journal.strict:
            self.stop(Diverged(skipped_now(self.identity.run_id, path)))
        record = recorded or StepRecord(
            path,
            self.sink.next_index(),
            step_id,
            "skill",
            StepStatus.SKIPPED,
            skill_id,
            None,
            _NO_INPUT.digest,
            None,
            None,
            self._step_hash(path, skill_id, "", _NO_INPUT.hash, None, "SKIPPED"),
        )
        if recorded is None:
            self.sink.defer(record)
        self.asked.add(path)
        self.steps[path] = record
        self.recording.step(record, _NO_INPUT.json)

    async def settle(
        self,
        path: str,
        name: str,
        kind: str,
        inputs: Mapping[str, Any],
        output: Any,
        error_code: str | None = None,
        error_message: str | None = None,
    ) -> Any:
        """Record something that the engine itself did as a step, and give its output. Raises StepFailedError."""
        request = StepRequest(path, name, kind, None, None, _no_skill, inputs)
        given = encode(inputs, self.rules)
        made = encode(output, self.rules) if error_code is None else None
        execution = Execution(made, error_code, error_message, 1, 0.0, ())
        record = self._record(request, given, execution, None)
        await self._commit(record, execution, given.json)
        return self.serve(record, given.json)

    async def recorded(
        self, path: str, name: str, kind: str, inputs: Mapping[str, Any]
    ) -> tuple[bool, Any]:
        """Whether something that the engine itself does is recorded already, and its output."""
        given = encode(inputs, self.rules)
        request = StepRequest(path, name, kind, None, None, _no_skill, inputs)
        found = self.journal.take(path)
        await self._abandoned_before(request, given, found)
        now = self._attempt(request, given)
        if found is None:
            if self.journal.strict or self.journal.contradicts(path):
                await self.halt(Diverged(unexpected(now, self.journal.left)))
            return False, None
        await self._halt_on(different_call(found, now, self.journal.inputs.get(path)))
        return True, self.serve(found, given.json)

    # steps that the program cancels

    @contextmanager
    def abandonable(
        self, path: str, name: str, kind: str, inputs: Mapping[str, Any]
    ) -> Iterator[None]:
        """A block that does something of the engine's own, which the program may cancel."""
        try:
            yield
        except asyncio.CancelledError:
            request = StepRequest(path, name, kind, None, None, _no_skill, inputs)
            self._abandon(request, encode(inputs, self.rules))
            raise

    def _abandon(self, request: StepRequest, inputs: Payload) -> None:
        """Journal that the program cancelled a step; not so if it is cancelled itself, or the skill cancelled."""
        task = asyncio.current_task()
        if self.is_leaving or task is None or not task.cancelling():
            return
        self._draws[abandoned_key(request.path)] = Abandoned(
            request.kind,
            request.skill_id,
            request.skill_version,
            inputs.digest,
            math.ceil(self._loop.time() - self._began_s),
        ).to_json()

    async def _abandoned_before(
        self, request: StepRequest, inputs: Payload, recorded: StepRecord | None
    ) -> None:
        """Never return from a step that was abandoned when it was recorded: the program is to cancel it again."""
        found = self.journal.abandoned(request.path)
        if found is None:
            return
        self._draws[abandoned_key(request.path)] = found.to_json()
        now = self._attempt(request, inputs)
        await self._halt_on(different_call(found.call(request.path), now, None))
        drawn = self.journal.draw(request.path)
        if drawn is not NOT_DRAWN:
            self._draws[request.path] = drawn
        if recorded is not None:  # cancelled while it was committed, or waited
            self.steps[request.path] = recorded
            self.recording.step(recorded, inputs.json)
        await asyncio.sleep(found.patience_s)
        await self.halt(Diverged(not_cancelled(now)))

    # draws

    def draw(self, path: str, value: Any) -> Any:
        """A value from outside, journaled: what was drawn at this path before, or else ``value``."""
        found = self.journal.draw(path)
        if found is NOT_DRAWN:
            if self.journal.strict:
                error = draw_differs(self.identity.run_id, path, None, value, call_site())
                self.stop(Diverged(error))
            found = value
        self._draws[path] = found
        return found

    def now(self, path: str) -> datetime:
        """The time at this place of the program, with milliseconds."""
        return datetime.fromisoformat(self.draw(path, rfc3339(self.clock.now())))

    def take_draws(self) -> bytes | None:
        """What was drawn since this was last asked."""
        draws, self._draws = self._draws, {}
        return orjson.dumps(draws, option=orjson.OPT_SORT_KEYS) if draws else None

    def all_draws(self) -> bytes | None:
        """What was drawn since, and what was drawn before and not asked for again so far."""
        self._draws = {**self.journal.draws_left, **self._draws}
        return self.take_draws()

    # inside

    @property
    def cost_cents(self) -> float:
        return round(sum(step.cost_cents for step in self.steps.values()), 4)

    def step_seed(self, path: str) -> int:
        """The seed of the step at this path."""
        if self._last_seed[0] != path:  # asked for twice for each step
            seed = derive_seed(self.identity.seed, self.identity.workflow_id, path)
            self._last_seed = (path, seed)
        return self._last_seed[1]

    async def _execute(
        self, request: StepRequest, inputs: Payload
    ) -> tuple[Execution, Skill | None]:
        skill: Skill | None = None
        try:
            skill = request.skill(request.skill_version)
            call = StepCall(
                run_id=self.identity.run_id,
                step_path=request.path,
                seed=self.step_seed(request.path),
                idempotency_key=request.idempotency_key or f"{self.identity.run_id}:{request.path}",
                skill=skill,
                inputs=decode(inputs.json),
                retry=request.retry,
                timeout_s=request.timeout_s,
                cost_cents=request.cost_of(skill),
                max_cents=request.max_cents,
                tenant_id=self.identity.tenant_id,
                transform=request.transform,
            )
            gate = self.permission.gate(self, request, skill)
            return await self.executor.run(call, self.rules, gate), skill
        except StoreError as error:
            await self.halt(Lost(error))
        except AosError as error:  # before the first try: an unknown skill, a policy
            code, message = describe(error)
            self.executor.meter.step_refused(code)
            return Execution(None, code, message, 0, 0.0, ()), skill

    async def _commit(self, record: StepRecord, execution: Execution, input_json: bytes) -> None:
        try:
            await self.sink.commit(record)
        except asyncio.CancelledError:  # it is committed all the same, with whatever is next
            self.steps[record.step_path] = record
            self.recording.step(record, input_json)
            raise
        except StoreError as error:
            await self.permission.release(execution.held)
            await self.halt(Lost(error))
        if record.cost_cents:
            self.executor.meter.step_kept(record.cost_cents)
        await self.permission.settle(execution.held)

    def _record(
        self, request: StepRequest, inputs: Payload, execution: Execution, skill: Skill | None
    ) -> StepRecord:
        output = execution.output
        version = skill.version if skill is not None else request.skill_version
        return StepRecord(
            request.path,
            -1 if self.replaying else self.sink.next_index(),
            request.step_id,
            request.kind,
            StepStatus.COMPLETED if execution.error_code is None else StepStatus.FAILED,
            request.skill_id,
            version,
            inputs.digest,
            output.hash if output is not None else None,
            output.json if output is not None else None,
            self._step_hash(
                request.path,
                request.skill_id or request.kind,
                version or "",
                inputs.hash,
                output.hash if output is not None else None,
                execution.error_code,
            ),
            execution.attempts,
            execution.cents,
            self.take_draws(),
            execution.error_code,
            execution.error_message,
            0.0,
            self.clock.now().timestamp(),
            request.idempotency_key,
        )

    def _step_hash(
        self,
        path: str,
        skill: str,
        version: str,
        input_hash: str,
        output_hash: str | None,
        error_code: str | None,
    ) -> str:
        return step_hash(
            skill=skill,
            skill_version=version,
            input_hash=input_hash,
            output_hash=output_hash,
            step_seed=self.step_seed(path),
            error_code=error_code,
        )

    def _attempt(self, request: StepRequest, inputs: Payload) -> StepAttempt:
        return StepAttempt(
            self.identity.run_id,
            request.path,
            request.step_id,
            request.kind,
            request.skill_id,
            request.skill_version,
            inputs.json,
            inputs.digest,
            call_site,
        )

    def _is_repeatable(self, request: StepRequest, recorded: StepRecord) -> bool:
        """Whether a recorded step can be executed again to see that it gives the same."""
        if request.kind != "skill" or not (self.replaying or self.recording.is_on):
            return False
        try:
            return _repeats(request, request.skill(recorded.skill_version))
        except AosError:
            return False

    def _other_skill(
        self, request: StepRequest, recorded: StepRecord, now: StepAttempt
    ) -> DivergenceError | None:
        """That the skill of a recorded step is another one here, or is gone though its step must be executed again.

        What is only served can be without its skill. A skill that is switched off is served too.
        """
        if recorded.skill_id is None or recorded.error_code == SkillNotFoundError.code:
            return None
        try:
            request.skill(recorded.skill_version)
        except SkillNotFoundError:
            here = _version_here(request)
            is_needed = here is not None or recorded.step_path in self.journal.repeats
            return other_skill(recorded, now, here) if is_needed else None
        except AosError:
            pass
        return None

    async def _halt_on(self, error: DivergenceError | None) -> None:
        if error is not None:
            await self.halt(Diverged(error))


def _compare(recorded: StepRecord, now: StepAttempt, again: StepRecord) -> DivergenceError | None:
    return different_outcome(
        recorded,
        now,
        output_json=again.output_json,
        output_hash=again.output_hash,
        error_code=again.error_code,
        cost_cents=again.cost_cents,
    )


def _repeats(request: StepRequest, skill: Skill | None) -> bool:
    """Whether a replay executes a step again: one that has no side effects."""
    return request.kind == "skill" and skill is not None and skill.side_effects is SideEffects.NONE


def _version_here(request: StepRequest) -> str | None:
    """The version of a skill that would be executed now; None if it is not registered."""
    try:
        return request.skill(None).version
    except AosError:
        return None


def _no_skill(version: str | None) -> Skill:
    raise AssertionError("the engine's own steps have no skill")

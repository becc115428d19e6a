"""What a workflow that is code may do. Everything that another run could see differently goes through here."""

from __future__ import annotations

import hashlib
import inspect
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from aos_workflow.checkpoint.records import Decision
from aos_workflow.determinism import rfc3339, seeded_random
from aos_workflow.engine.executor import ONCE
from aos_workflow.engine.group import Group
from aos_workflow.engine.lineage import current_scope
from aos_workflow.engine.outcome import Lost
from aos_workflow.engine.payload import decode, encode
from aos_workflow.engine.planned import Planned
from aos_workflow.engine.run import Run, StepRequest
from aos_workflow.engine.services import Services
from aos_workflow.engine.step_options import STEP_OPTIONS, checked_options
from aos_workflow.errors import StoreError, UsageError
from aos_workflow.skills.skill import SideEffects, Skill
from aos_workflow.spec.models import RetrySpec

__all__ = ["Approval", "Context"]

T = TypeVar("T")

_POLL_S = 2.0
"""How often an open question is looked at again, while other parts of the run go on."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What people answered. True if they approved."""

    decision: str
    by: str | None
    payload: Any

    def __bool__(self) -> bool:
        return self.decision == "approved"


class Context:
    """One run, seen from its workflow.

    Steps, times, ids and random numbers that come from here are the same when the run is resumed or replayed. Use it in
    the workflow's coroutine and the tasks that it creates, in any order and at the same time.
    """

    __slots__ = ("_planned", "_random", "_run", "_services")

    def __init__(self, run: Run, services: Services) -> None:
        self._run = run
        self._services = services
        self._random: dict[str, random.Random] = {}
        self._planned = Planned()

    # who

    @property
    def run_id(self) -> str:
        return self._run.identity.run_id

    @property
    def workflow_id(self) -> str:
        return self._run.identity.workflow_id

    @property
    def tenant_id(self) -> str:
        return self._run.identity.tenant_id

    @property
    def seed(self) -> int:
        return self._run.identity.seed

    @property
    def cost_cents(self) -> float:
        """What the steps so far have cost."""
        return self._run.cost_cents

    # steps

    async def step(self, skill: Skill | str, *args: Any, **kwargs: Any) -> Any:
        """Do a step with a skill, or with the one registered under a name; its output.

        Besides the skill's own inputs: ``retry`` (``Retry(3)``), ``timeout_s`` for a try, ``cost_cents`` and
        ``max_cents``, ``step_id`` (a name for readers, default: the skill's), ``idempotency_key``.

        Raises:
            StepFailedError: after all tries; carries the error's code.
            UsageError: an option is not what it should be, or an input of the skill has its name.
        """
        found, options = self._skill(skill, kwargs)
        return await self._perform("skill", found, args, kwargs, options)

    async def plan(self, planner: Skill | str, *args: Any, **kwargs: Any) -> Any:
        """As :meth:`step`, with a planner's output: validated by the sandbox, and recorded as data.

        A step that carries out one of the plan's is judged again where the plan has references: with what they gave.

        Raises:
            StepFailedError: the plan was rejected (``PLAN_REJECTED``), or the step failed.
        """
        found, options = self._skill(planner, kwargs)
        sandbox = self._services.sandbox
        if sandbox is None:
            raise UsageError(
                "ctx.plan needs a planner sandbox",
                hint="WorkflowEngine(..., sandbox=PlannerSandbox(...))",
            )
        plan = await self._perform("plan", found, args, kwargs, options, sandbox.require)
        self._planned.add(plan)
        return plan

    async def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Do a step with any function, sync or async: called once, recorded, served from then on. JSON in and out.

        Options as :meth:`step`. Raises StepFailedError.
        """
        options = _options(kwargs)
        name = options.pop("step_id", None) or getattr(function, "__qualname__", "call")
        made = Skill(_plain_name(name), "call", _applied(function), SideEffects.WRITES)
        inputs = {"args": list(args), "kwargs": kwargs}
        return await self._request("call", made, inputs, options, None)

    async def child(self, workflow: Any, **inputs: Any) -> Any:
        """Run another workflow as a part of this one, with a run id and golden of its own; its output.

        Raises:
            StepFailedError: the child failed.
        """
        name = _plain_name(
            getattr(workflow, "id", None) or getattr(workflow, "workflow_id", workflow)
        )
        run, given = self._run, {"workflow": name, "inputs": inputs}
        path = current_scope().next_path(name)
        with run.active(), run.abandonable(path, name, "child", given):
            known, output = await run.recorded(path, name, "child", given)
            if known:
                return output
            while not (
                child := await self._unless_lost(
                    self._services.run_child(run, path, workflow, inputs)
                )
            ).over:
                with run.idling.waiting(path, f"child run of {name}"):
                    await self._services.sleep(_POLL_S)
            failed = (child.error_code, child.error_message)
            return await run.settle(path, name, "child", given, child.output, *failed)

    def group(self, limit: int | None = None) -> Group:
        """Tasks that belong together, at most ``limit`` of them at the same time::

            async with ctx.group(limit=5) as group:
                pages = [group.step(fetch, url) for url in urls]
            texts = [page.result() for page in pages]

        The block ends when all are done; if one fails the others are cancelled, and its error is raised.
        """
        return Group(self.step, limit)

    # time and chance

    def now(self) -> datetime:
        """The time at this place of the program, in UTC with milliseconds; the same in every replay."""
        return self._run.now(current_scope().next_path("now"))

    def uuid(self) -> uuid.UUID:
        """An id that follows from the run's seed and this place of the program: runs of one seed draw the same."""
        path = current_scope().next_path("uuid")
        digest = hashlib.sha256(f"{self._run.step_seed(path)}".encode()).digest()
        made = uuid.UUID(bytes=digest[:16], version=4)
        return uuid.UUID(self._run.draw(path, str(made)))

    @property
    def random(self) -> random.Random:
        """A generator of the run's seed, one for each task: it does not matter which of them draws first."""
        place = current_scope().path
        found = self._random.get(place)
        if found is None:
            identity = self._run.identity
            found = seeded_random(identity.seed, identity.workflow_id, "random", place)
            self._random[place] = found
        return found

    async def sleep(self, delay_s: float) -> None:
        """Wait. Durable: a run that is resumed waits for the rest only, and a long wait frees the worker.

        Raises:
            UsageError: a negative delay, or not a number.
        """
        if not 0 <= delay_s < float("inf"):
            raise UsageError(f"ctx.sleep({delay_s!r}): expected 0 or more seconds")
        run = self._run
        path = current_scope().next_path("sleep")
        with run.active(), run.abandonable(path, "sleep", "sleep", {"delay_s": delay_s}):
            known, _ = await run.recorded(path, "sleep", "sleep", {"delay_s": delay_s})
            until = datetime.fromisoformat(
                run.draw(path, rfc3339(run.clock.now() + timedelta(seconds=delay_s)))
            )
            if not known:
                await run.settle(path, "sleep", "sleep", {"delay_s": delay_s}, None)
            if not run.replaying:
                await self._wait_until(path, until)

    # people

    async def approve(
        self, name: str, request: Any = None, *, expires_in_s: float | None = None
    ) -> Approval:
        """Ask people, and wait for the answer; the run is suspended meanwhile if nothing else is to be done.

        ``request`` is what they are shown. An answer that does not come in time is ``expired``.
        """
        answer = await self._answer("approval", name, request, expires_in_s)
        return Approval(answer["decision"], answer["by"], answer["payload"])

    async def signal(self, name: str, *, expires_in_s: float | None = None) -> Any:
        """Wait until somebody sends the signal; what came with it. ``None`` when its time is over."""
        return (await self._answer("signal", name, None, expires_in_s))["payload"]

    # inside

    async def _answer(
        self, kind: str, name: str, request: Any, expires_in_s: float | None
    ) -> dict[str, Any]:
        run = self._run
        path = current_scope().next_path(_plain_name(name))
        given = {"name": name, "request": request}
        with run.active(), run.abandonable(path, name, kind, given):
            known, answer = await run.recorded(path, name, kind, given)
            if known:
                return dict(answer)
            shown = encode(request, run.rules).json
            question = Decision(run.identity.run_id, path, kind, name, shown)
            while (
                found := await self._unless_lost(self._services.ask(question, expires_in_s))
            ).decision is None:
                with run.idling.waiting(path, f"{kind} {name!r}"):
                    await self._services.sleep(_POLL_S)
            payload = None if found.payload_json is None else decode(found.payload_json)
            answer = {"decision": found.decision, "by": found.decided_by, "payload": payload}
            return dict(await run.settle(path, name, kind, given, answer))

    async def _unless_lost(self, answer: Awaitable[T]) -> T:
        """What the store says; if it is gone, that is no outcome of the program's: the run is to be gone on with."""
        try:
            return await answer
        except StoreError as error:
            if error.retryable:
                await self._run.halt(Lost(error))
            raise

    async def _wait_until(self, path: str, until: datetime) -> None:
        run, limit_s = self._run, self._services.park_after_s
        while (left_s := (until - run.clock.now()).total_seconds()) > 0:
            if limit_s is not None and left_s > limit_s:
                with run.idling.waiting(path, f"sleeps until {rfc3339(until)}", left_s):
                    await self._services.sleep(left_s)
            else:
                await self._services.sleep(left_s)

    def _skill(
        self, skill: Skill | str, kwargs: dict[str, Any]
    ) -> tuple[Skill | str, dict[str, Any]]:
        parameters = skill.signature.parameters if isinstance(skill, Skill) else {}
        for name in STEP_OPTIONS:
            if name in parameters and name in kwargs:
                raise UsageError(
                    f"{name!r} is an option of ctx.step and an input of skill {skill.id!r}"  # type: ignore[union-attr]
                    "; rename the input",
                )
        return skill, _options(kwargs)

    async def _perform(
        self,
        kind: str,
        skill: Skill | str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        options: dict[str, Any],
        transform: Callable[[Any], Any] | None = None,
    ) -> Any:
        inputs: Mapping[str, Any] = kwargs
        if args:
            found = self._services.registry.get(skill) if isinstance(skill, str) else skill
            inputs = _named(found, args, kwargs)
        output = await self._request(kind, skill, inputs, options, transform)
        return skill.checked(output) if isinstance(skill, Skill) else output

    async def _request(
        self,
        kind: str,
        skill: Skill | str,
        inputs: Mapping[str, Any],
        options: dict[str, Any],
        transform: Callable[[Any], Any] | None,
    ) -> Any:
        skill_id = skill if isinstance(skill, str) else skill.id
        name = options.pop("step_id", None) or skill_id
        retry: RetrySpec = options.pop("retry", None) or ONCE
        request = StepRequest(
            path=current_scope().next_path(name),
            step_id=name,
            kind=kind,
            skill_id=skill_id,
            skill_version=None if isinstance(skill, str) else skill.version,
            skill=self._judged(skill_id, inputs, self._finder(skill)),
            inputs=inputs,
            retry=retry,
            transform=transform,
            **options,
        )
        return await self._run.step(request)

    def _judged(
        self, skill_id: str, inputs: Mapping[str, Any], find: Callable[[str | None], Skill]
    ) -> Callable[[str | None], Skill]:
        """Finds the skill, unless the sandbox refuses what a plan's references gave for it."""
        sandbox = self._services.sandbox
        if sandbox is None or not self._planned.has(skill_id, inputs):
            return find

        def judged(version: str | None) -> Skill:
            sandbox.require_inputs(skill_id, inputs)
            return find(version)

        return judged

    def _finder(self, skill: Skill | str) -> Callable[[str | None], Skill]:
        registry = self._services.registry
        if isinstance(skill, str):
            return lambda version: registry.get(skill, version)

        def given(version: str | None) -> Skill:
            registry.refuse_disabled(skill)
            return skill

        return given


def _options(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Take the options out of the keyword arguments. Raises UsageError."""
    return checked_options({name: kwargs.pop(name) for name in STEP_OPTIONS if name in kwargs})


def _named(skill: Skill, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """All inputs by name, so that a call has one spelling."""
    if not kwargs and len(args) <= len(skill.positional):
        return dict(zip(skill.positional, args, strict=False))
    try:
        return skill.signature.bind_partial(*args, **kwargs).arguments
    except TypeError as error:
        raise UsageError(f"skill {skill.id!r}{skill.signature}: {error}") from None


def _applied(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its arguments in two parameters."""
    if inspect.iscoroutinefunction(function):

        async def apply(args: list[Any], kwargs: dict[str, Any]) -> Any:
            return await function(*args, **kwargs)

        return apply

    def apply_plainly(args: list[Any], kwargs: dict[str, Any]) -> Any:
        return function(*args, **kwargs)

    return apply_plainly


def _plain_name(name: Any) -> str:
    """A name as it may stand in a path: ``:`` and ``/`` have a meaning there."""
    return str(name).replace("<locals>.", "").replace(":", "-").replace("/", "-")

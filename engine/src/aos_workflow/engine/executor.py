"""One step: its tries, their time limit, the waits between them, and what they cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aos_workflow.determinism import seeded_random
from aos_workflow.engine.payload import Payload, encode
from aos_workflow.errors import AosError, PolicyViolationError, StepTimeoutError, StoreError
from aos_workflow.golden import Rules
from aos_workflow.golden.secret_text import redact_text
from aos_workflow.metrics import NO_METER, Meter
from aos_workflow.skills.skill import SideEffects, Skill
from aos_workflow.skills.step_context import StepContext, step_context
from aos_workflow.spec.models import RetrySpec

__all__ = ["ONCE", "Execution", "StepCall", "StepExecutor"]

ONCE = RetrySpec()
_MAX_MESSAGE = 2_000


class Gate(Protocol):
    """Asked before each try with its number; what it returns is kept, what it raises ends the step before the try."""

    async def __call__(self, attempt: int) -> Any: ...

    def spent(self, reservation: Any, cents: float) -> None:
        """A try that is not the step's last has cost this. Waits for nothing: it is said of a cancelled try, too."""
        ...


@dataclass(frozen=True, slots=True)
class StepCall:
    """What is to be done: the skill, its plain inputs, and the limits."""

    run_id: str
    step_path: str
    seed: int
    idempotency_key: str
    skill: Skill
    inputs: Mapping[str, Any]
    retry: RetrySpec = ONCE
    timeout_s: float | None = None
    cost_cents: float = 0.0
    """What a try costs that does not say so itself."""
    max_cents: float | None = None
    """What all tries may cost together: none begins that would take them beyond it."""
    tenant_id: str = "default"
    transform: Callable[[Any], Any] | None = None
    """Applied to the output within the try, so that what it refuses is tried again."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of a step. Either ``output`` or ``error_code`` is there.

    ``cents`` is what all tries cost together; ``held`` is what the gate gave for the last one, with what it cost.
    """

    output: Payload | None
    error_code: str | None
    error_message: str | None
    attempts: int
    cents: float
    held: tuple[tuple[Any, float], ...]


class StepExecutor:
    """Runs steps. ``sleep`` waits between tries, in seconds.

    A plain function that has no side effects runs where it is; one that reads or writes the outside world runs in a
    thread, so that it holds up nothing. A thread cannot be stopped: after a time limit it goes on unheard.
    ``meter`` is told of every try.
    """

    def __init__(
        self,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        meter: Meter = NO_METER,
    ) -> None:
        self._sleep = sleep
        self.meter = meter

    def unmetered(self) -> StepExecutor:
        """The same, for replays: nobody is told of what they do."""
        return StepExecutor(sleep=self._sleep)

    async def run(self, call: StepCall, rules: Rules, gate: Gate) -> Execution:
        """Try until a try succeeds or none is left.

        Raises:
            Whatever the gate raises; errors of the skill become part of the execution.
        """
        total_cents = 0.0
        attempt = 1
        while True:
            try:
                reservation = await gate(attempt)
            except StoreError:
                raise
            except AosError as refused:
                if attempt == 1:
                    raise
                return Execution(None, *describe(refused), attempt - 1, total_cents, ())
            context = StepContext(
                run_id=call.run_id,
                step_path=call.step_path,
                seed=call.seed,
                idempotency_key=call.idempotency_key,
                attempt=attempt,
                tenant_id=call.tenant_id,
            )
            began_s = self.meter.now_s()
            try:
                output, error = await self._attempt(call, context, rules)
            except asyncio.CancelledError:
                gate.spent(reservation, context.spent_cents or 0.0)
                raise
            failed_by = None if error is None else _code(error)
            self.meter.step_tried(call.skill.id, began_s, failed_by)
            cents = _cost(call, context, failed=error is not None)
            held = ((reservation, cents),)
            total_cents = round(total_cents + cents, 4)
            if error is None:
                return Execution(output, None, None, attempt, total_cents, held)
            if attempt >= call.retry.max_attempts or not is_retryable(error):
                return Execution(None, *describe(error), attempt, total_cents, held)
            if call.max_cents is not None and total_cents + call.cost_cents > call.max_cents:
                spent = _beyond(call, total_cents, error)
                return Execution(None, *describe(spent), attempt, total_cents, held)
            gate.spent(reservation, cents)
            await self._sleep(_wait_s(call, attempt))
            attempt += 1

    async def _attempt(
        self, call: StepCall, context: StepContext, rules: Rules
    ) -> tuple[Payload | None, Exception | None]:
        try:
            if call.timeout_s is None:
                return await self._call(call, context, rules), None
            async with asyncio.timeout(call.timeout_s):
                try:
                    return await self._call(call, context, rules), None
                except TimeoutError as error:  # the skill's own
                    return None, error
        except TimeoutError:
            message = f"step {call.step_path!r} took longer than {call.timeout_s:g} s"
            return None, StepTimeoutError(message, run_id=call.run_id, step_path=call.step_path)
        except Exception as error:  # noqa: BLE001 - whatever user code raises is the step's outcome
            return None, error

    async def _call(self, call: StepCall, context: StepContext, rules: Rules) -> Payload:
        skill = call.skill
        arguments = skill.bind(call.inputs)
        with step_context(context):
            if skill.is_async:
                output = await skill.function(**arguments)
            elif skill.side_effects is SideEffects.NONE:
                output = skill.function(**arguments)
            else:
                output = await asyncio.to_thread(skill.function, **arguments)
        output = skill.checked(output)
        if call.transform is not None:
            output = call.transform(output)
        return encode(output, rules)


def is_retryable(error: Exception) -> bool:
    """Whether another try may succeed: errors of ours say so themselves, others may always."""
    return error.retryable if isinstance(error, AosError) else True


def describe(error: Exception) -> tuple[str, str]:
    """Code and message of an error: ``EXECUTION_ERROR`` unless it is one of ours.

    The message is without secrets, as the text alone tells them: it goes into goldens, which no environment may change.
    """
    words = error.message if isinstance(error, AosError) else f"{type(error).__name__}: {error}"
    return _code(error), redact_text(words)[:_MAX_MESSAGE]


def _code(error: Exception) -> str:
    return error.code if isinstance(error, AosError) else "EXECUTION_ERROR"


def _cost(call: StepCall, context: StepContext, *, failed: bool) -> float:
    """What a try cost: what it said, else what was declared; a failed try that said nothing cost nothing."""
    if context.spent_cents is not None:
        return context.spent_cents
    return 0.0 if failed else call.cost_cents


def _beyond(call: StepCall, spent_cents: float, error: Exception) -> PolicyViolationError:
    return PolicyViolationError(
        f"step {call.step_path!r} has cost {spent_cents:g} cents, and another try would cost {call.cost_cents:g}; its "
        f"max_cents is {call.max_cents:g}; the last try: {describe(error)[1]}",
        run_id=call.run_id,
        step_path=call.step_path,
    )


def _wait_s(call: StepCall, attempt: int) -> float:
    draw = seeded_random(call.seed, "retry", str(attempt)).random()
    return call.retry.delay_s(attempt, draw)

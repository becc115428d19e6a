"""What a skill may ask about the step that it runs in."""

from __future__ import annotations

import random
from contextvars import ContextVar
from functools import cached_property

from aos_workflow.determinism import seeded_random
from aos_workflow.errors import UsageError

__all__ = ["StepContext", "current_step", "running_step", "step_context"]

_CURRENT: ContextVar[StepContext | None] = ContextVar("aos_step", default=None)


class StepContext:
    """One try of a step.

    ``seed`` is the step's own; ``idempotency_key`` is the same for every try, also after a crash, so that a service
    which knows it does the work once. ``attempt`` counts from 1.
    """

    def __init__(
        self,
        *,
        run_id: str,
        step_path: str,
        seed: int,
        idempotency_key: str,
        attempt: int,
        tenant_id: str = "default",
    ) -> None:
        self.run_id = run_id
        self.tenant_id = tenant_id
        self.step_path = step_path
        self.seed = seed
        self.idempotency_key = idempotency_key
        self.attempt = attempt
        self.spent_cents: float | None = None

    @cached_property
    def random(self) -> random.Random:
        """A generator of the step's seed and try."""
        return seeded_random(self.seed, "attempt", str(self.attempt))

    def spend(self, cents: float) -> None:
        """Say what this try has cost, instead of what the skill declares; calls add up.

        Raises:
            UsageError: a negative cost, or not a number.
        """
        if not 0 <= cents < float("inf"):
            raise UsageError(f"a step cannot cost {cents!r} cents; expected 0 or more")
        self.spent_cents = round((self.spent_cents or 0.0) + cents, 4)


def running_step() -> StepContext | None:
    """The step that this code runs in, or ``None``."""
    return _CURRENT.get()


def current_step() -> StepContext:
    """The step that this code runs in.

    Raises:
        UsageError: it runs in none, as when a skill is called directly.
    """
    found = _CURRENT.get()
    if found is None:
        raise UsageError(
            "no step is running here", hint="call the skill with ctx.step(...) in a workflow"
        )
    return found


class step_context:  # noqa: N801 - used as a function is
    """Run the block as that step."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: StepContext) -> None:
        self._context = context

    def __enter__(self) -> StepContext:
        self._token = _CURRENT.set(self._context)
        return self._context

    def __exit__(self, *_: object) -> None:
        _CURRENT.reset(self._token)

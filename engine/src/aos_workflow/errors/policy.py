"""Limits that stop a run: budgets, rates, emergency stops."""

from __future__ import annotations

from aos_workflow.errors.base import AosError

__all__ = [
    "BudgetExceededError",
    "EmergencyStopError",
    "EngineDisabledError",
    "PolicyStoreLostError",
    "PolicyViolationError",
    "RateLimitedError",
]


class PolicyViolationError(AosError):
    """A policy forbids this. ``run_id`` and ``step_path`` say what was stopped, before it began."""

    code = "POLICY_VIOLATION"
    category = "policy"

    def __init__(
        self,
        message: str,
        *,
        run_id: str | None = None,
        step_path: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.run_id = run_id
        self.step_path = step_path


class BudgetExceededError(PolicyViolationError):
    """A step would cost more than is left. ``scope`` says of what; the run is suspended and can be resumed."""

    code = "BUDGET_EXCEEDED"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        scope: str,
        ceiling_cents: float,
        wanted_cents: float,
        left_cents: float,
        run_id: str | None = None,
        step_path: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, run_id=run_id, step_path=step_path, hint=hint)
        self.scope = scope
        self.ceiling_cents = ceiling_cents
        self.wanted_cents = wanted_cents
        self.left_cents = left_cents


class RateLimitedError(PolicyViolationError):
    """Too many of these at once. ``retry_after_s`` is when there is room again, in seconds."""

    code = "RATE_LIMITED"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float,
        run_id: str | None = None,
        step_path: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, run_id=run_id, step_path=step_path, hint=hint)
        self.retry_after_s = retry_after_s


class PolicyStoreLostError(PolicyViolationError):
    """The store of budgets and rates cannot be reached, and the policy is to stop then."""

    code = "POLICY_STORE_LOST"
    retryable = True


class EmergencyStopError(PolicyViolationError):
    """Everything is stopped. ``source`` says by what: the environment, a stop file, or the database."""

    code = "EMERGENCY_STOP"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        source: str,
        run_id: str | None = None,
        step_path: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, run_id=run_id, step_path=step_path, hint=hint)
        self.source = source


class EngineDisabledError(PolicyViolationError):
    """No new runs are started; those that run may finish."""

    code = "ENGINE_DISABLED"
    retryable = True

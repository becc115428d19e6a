"""The limits, as data: from code, a file, or settings."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aos_workflow.errors import UsageError

__all__ = ["DEFAULT_WORKFLOW_CEILING_CENTS", "Limits", "RateLimit", "limits_from_data"]

DEFAULT_WORKFLOW_CEILING_CENTS = 1_000.0
"""What one run may cost unless it, its workflow or the settings say otherwise: ten dollars."""

Cents = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RateLimit(_Part):
    """A token bucket over steps: of one skill or of all, together or for each tenant."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    per_s: Positive
    """Steps a second, in the long run."""
    burst: Annotated[float, Field(ge=1, le=1e9)] = 1
    """Steps at once, after a pause."""
    skill: str | None = None
    per_tenant: bool = False


class Limits(_Part):
    """``None`` is no limit. A run's own ceiling comes before the one of its workflow, that before the default."""

    step_ceiling_cents: Cents | None = None
    workflow_ceiling_cents: Cents | None = DEFAULT_WORKFLOW_CEILING_CENTS
    workflow_ceilings_cents: dict[str, Cents] = {}
    """By workflow id."""
    tenant_ceiling_cents: Cents | None = None
    """For each tenant, within one window."""
    tenant_ceilings_cents: dict[str, Cents] = {}
    """By tenant."""
    tenant_window_s: Positive = 86_400
    rates: tuple[RateLimit, ...] = ()

    def workflow_ceiling(self, workflow_id: str, own: float | None) -> float | None:
        """What one run of this workflow may cost."""
        if own is not None:
            return own
        return self.workflow_ceilings_cents.get(workflow_id, self.workflow_ceiling_cents)

    def tenant_ceiling(self, tenant_id: str) -> float | None:
        return self.tenant_ceilings_cents.get(tenant_id, self.tenant_ceiling_cents)


def limits_from_data(data: Any, *, file: str = "") -> Limits:
    """Limits from JSON data.

    Raises:
        UsageError: names everything that is wrong, with its place.
    """
    try:
        return Limits.model_validate(data)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        where = f"{file}: " if file else ""
        raise UsageError(
            f"{where}the policy is not valid: {'; '.join(problems)}",
            hint="docs/reference/policies.md lists what it may say",
        ) from None

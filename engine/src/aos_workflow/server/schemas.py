"""What the API takes and gives, as the OpenAPI document says it. What is not named here is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

__all__ = [
    "Approval",
    "Approvals",
    "Decide",
    "Event",
    "Events",
    "Golden",
    "Health",
    "Limit",
    "Policy",
    "ProblemBody",
    "Replayed",
    "Run",
    "RunDetail",
    "RunId",
    "RunPage",
    "Skill",
    "SkillName",
    "Skills",
    "StartRun",
    "StopState",
    "Stopping",
    "Switch",
    "Switched",
    "Worker",
    "Workers",
]

_PLAIN = r"^[^\x00-\x1f\x7f]+$"
_MAX_INT = 2**53 - 1
"""Integers beyond are not exact wherever JSON is read (RFC 8259, section 6)."""


def _digits(value: Any) -> Any:
    """An integer as everybody spells it: no signs, spaces or underscores around it."""
    if isinstance(value, str) and not (value.isascii() and value.lstrip("-").isdigit()):
        raise ValueError("expected an integer")
    return value


def _whole(value: Any) -> Any:
    """An integer of JSON, where 5.0 is one too, and a text or a truth is none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


Number = BeforeValidator(_digits)
Whole = BeforeValidator(_whole)
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PLAIN)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=_PLAIN)]
_TEXT_SCHEMA = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": _PLAIN}
RunName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$")]
RunId = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$", description="The run's id.")
]
SkillName = Annotated[
    str, Path(min_length=1, max_length=200, pattern=_PLAIN, description="The skill's id.")
]
Limit = Annotated[int, Field(ge=1, le=1000), Number, Query(description="How many at most.")]
Status = Literal[
    "queued", "running", "suspended", "completed", "failed", "cancelled", "quarantined"
]
Cents = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


Labels = Annotated[
    dict[Text, Text],
    Field(max_length=50),
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": 50,
            "propertyNames": _TEXT_SCHEMA,
            "additionalProperties": _TEXT_SCHEMA,
        }
    ),
]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StartRun(_Given):
    """A run to start."""

    workflow: Text = Field(description="The workflow's id.")
    inputs: dict[str, Any] = Field(default_factory=dict)
    run_id: RunName | None = Field(None, description="The same id again gives the same run.")
    seed: Annotated[int, Field(ge=-_MAX_INT, le=_MAX_INT), Whole] | None = None
    idempotency_key: Text | None = None
    tenant_id: RunName | None = Field(None, description="Default: that of the key.")
    budget_cents: Cents | None = None
    labels: Labels = Field(default_factory=dict)
    queue: Text = "default"
    priority: Annotated[
        int, Field(ge=-1_000_000, le=1_000_000, description="Lower first."), Whole
    ] = 100
    delay_s: float = Field(0.0, ge=0, le=31_536_000, allow_inf_nan=False)
    target_resource: Text | None = None


class Decide(_Given):
    """An answer to a question."""

    name: Text = Field(description="The question's name.")
    decision: Literal["approved", "rejected"]
    payload: Any = None


class Switch(_Given):
    """Whether a skill may be used."""

    enabled: bool
    reason: LongText | None = None
    unregistered: bool = False


class Stopping(_Given):
    """Whether the fleet is stopped."""

    stopped: bool
    reason: LongText | None = None


class Run(_Told):
    """A run, and how far it is."""

    run_id: str
    workflow_id: str
    spec_hash: str
    tenant_id: str
    seed: int
    status: Status
    version: int
    steps: int = Field(description="Steps that are committed.")
    attempts: int
    queue: str
    priority: int
    reason: str | None
    error_code: str | None
    error_message: str | None
    workflow_hash: str | None = Field(description="Once the run is over.")
    owner: str | None
    cancel_requested: bool
    labels: dict[str, str]
    parent_run_id: str | None
    created_at: str
    updated_at: str
    completed_at: str | None


class RunDetail(Run):
    """A run with what went in and what came out."""

    inputs: Any
    output: Any


class RunPage(_Told):
    runs: list[Run]
    next: str | None = Field(description="The cursor of the next page.")


class Event(_Told):
    """A step that is committed, or the end of the run."""

    index: int
    event: Literal["step", "run_end"]
    step_path: str | None = None
    step_id: str | None = None
    kind: str | None = None
    status: str
    skill_id: str | None = None
    attempts: int | None = None
    cost_cents: float | None = None
    input_hash: str | None = None
    output_hash: str | None = None
    output: Any = None
    error_code: str | None = None
    error_message: str | None = None


class Events(_Told):
    run_id: str
    events: list[Event]
    next: int | None = Field(description="Ask again after this index; null when there is no more.")


class Approval(_Told):
    run_id: str
    step_path: str
    kind: str
    name: str
    request: Any
    decision: str | None
    payload: Any
    decided_by: str | None
    requested_at: str
    decided_at: str | None
    expires_at: str | None


class Approvals(_Told):
    approvals: list[Approval]


class Golden(_Told):
    """Whether a golden is whole and signed."""

    run_id: str
    ok: bool
    code: str
    signature: str | None
    key_id: str | None
    hash: str | None
    message: str | None
    line: int | None


class Replayed(_Told):
    """Whether a run, repeated from its golden alone, is the same."""

    run_id: str
    ok: bool
    code: str
    message: str | None
    hint: str | None


class Skill(_Told):
    skill_id: str
    version: str
    side_effects: str
    enabled: bool
    disabled_reason: str | None


class Skills(_Told):
    skills: list[Skill]


class Switched(_Told):
    skill_id: str
    enabled: bool
    versions: int


class StopState(_Told):
    stopped: bool
    source: str | None = Field(description="database, file or environment")
    reason: str | None


class LimitRow(_Told):
    name: str
    value: Any
    source: str


class Policy(_Told):
    limits: list[LimitRow]


class Worker(_Told):
    worker_id: str
    state: Literal["alive", "unresponsive", "dead"]
    queues: list[str]
    heartbeat_age_s: float
    started_at: str
    running: int
    runs: list[str] = Field(description="Some of the runs that it has now.")


class Workers(_Told):
    workers: list[Worker]


class Check(_Told):
    ok: bool
    took_ms: float | None = None
    error: str | None = None


class Health(_Told):
    status: Literal["healthy", "unhealthy"]
    version: str | None = None
    checks: dict[str, Check] | None = None


class Ready(_Told):
    status: Literal["ready", "not ready"]
    reason: str | None = None


class Invalid(_Told):
    at: str
    message: str


class ProblemBody(_Told):
    """RFC 9457, with a code that does not change and what to do next."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    hint: str | None = None
    errors: list[Invalid] | None = None

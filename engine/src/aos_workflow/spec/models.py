"""A workflow written as data: frozen, closed, and never wrong once it exists.

A constructor raises pydantic's ``ValidationError``, as every model does, also for what only the whole spec can be wrong
about: a cycle, a reference to no step. To get every problem at once with its place, line and column, read the spec with
:func:`~aos_workflow.spec.parse_spec`, :func:`~aos_workflow.spec.load_spec_file` or
:func:`~aos_workflow.spec.spec_from_data`.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import Annotated, Any, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)
from pydantic_core import PydanticCustomError

from aos_workflow.golden.canonical import canonical_json
from aos_workflow.spec.checks import check
from aos_workflow.spec.kinds import KIND_OF_TYPE, Kind, misfits
from aos_workflow.spec.limits import (
    MAX_ATTEMPTS,
    MAX_CENTS,
    MAX_DESCRIPTION,
    MAX_DURATION_S,
    MAX_INPUTS,
    MAX_KEY,
    MAX_MULTIPLIER,
    MAX_NAME,
    MAX_PARALLEL,
    MAX_PROBLEMS,
    MAX_STEPS,
    MAX_VERSION,
)
from aos_workflow.spec.problems import to_problems

__all__ = ["SPEC_PROBLEMS", "InputSpec", "RetrySpec", "StepSpec", "WorkflowSpec"]

SPEC_PROBLEMS = "spec-problems"
"""The type of pydantic's error for what only the whole spec can be wrong about."""

_HASHED_FORMAT = "aos-spec/1"
_CENT_DECIMALS = 4


def _whole(value: float) -> float:
    """``30.0`` is written ``30``."""
    return int(value) if value.is_integer() else value


def _cents(value: float) -> float:
    if round(value, _CENT_DECIMALS) != value:
        raise PydanticCustomError("out-of-range", "the cost ledger keeps 4 decimals of a cent")
    return _whole(value)


def _version(value: object) -> object:
    """``version: 3`` is what people write. ``1.10`` stays an error: it has become 1.1 by now."""
    return str(value) if type(value) is int else value


Id: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
SkillId: TypeAlias = Annotated[
    str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}(\.[A-Za-z_][A-Za-z0-9_-]{0,63}){0,3}$")
]
Version: TypeAlias = Annotated[
    str,
    BeforeValidator(_version),
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=MAX_VERSION),
]
Cents: TypeAlias = Annotated[float, Field(ge=0, le=MAX_CENTS), AfterValidator(_cents)]
Timeout: TypeAlias = Annotated[float, Field(gt=0, le=MAX_DURATION_S), AfterValidator(_whole)]
Wait: TypeAlias = Annotated[float, Field(ge=0, le=MAX_DURATION_S), AfterValidator(_whole)]
Description: TypeAlias = Annotated[str, Field(max_length=MAX_DESCRIPTION)]


class _Part(BaseModel):
    """What every part of a spec has: closed, frozen, strict, finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class RetrySpec(_Part):
    """How often a step is tried, and how long to wait in between."""

    max_attempts: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] = 1
    """All tries, the first included."""
    backoff_s: Wait = 1
    """Wait after the first failure, in seconds."""
    multiplier: Annotated[float, Field(ge=1, le=MAX_MULTIPLIER), AfterValidator(_whole)] = 2
    """Each wait is this many times the one before."""
    max_backoff_s: Wait = 60
    """No wait is longer, in seconds."""
    jitter: Annotated[float, Field(ge=0, le=1), AfterValidator(_whole)] = 0.2
    """The share of a wait that is drawn at random, from 0 to 1; a wait only ever gets shorter by it."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.backoff_s > self.max_backoff_s:
            raise PydanticCustomError(
                "out-of-range",
                "backoff_s is {backoff_s}, above max_backoff_s, which is {max_backoff_s}",
                {"backoff_s": self.backoff_s, "max_backoff_s": self.max_backoff_s},
            )
        return self

    def delay_s(self, attempt: int, draw: float) -> float:
        """Seconds to wait after the failed try number ``attempt`` (from 1).

        ``draw`` is a number in [0, 1) from the step's seed; the same draw gives the same wait.
        """
        full_s = min(self.max_backoff_s, self.backoff_s * self.multiplier ** (attempt - 1))
        return full_s * (1 - self.jitter * draw)


class InputSpec(_Part):
    """One declared input of a workflow. ``{"type": "string"}`` may be written ``"string"``, in Python also ``str``.

    Without ``required`` or with a default it may be left out, and is then the default or null.
    """

    type: Kind = "any"
    required: bool = True
    default: JsonValue = None
    nullable: bool = False
    """Whether null is allowed too."""
    enum: Annotated[tuple[JsonValue, ...], Field(strict=False, min_length=1)] | None = None
    """The only values that are allowed."""
    items: InputSpec | None = None
    """What each item of a list is."""
    properties: (
        Annotated[
            dict[Annotated[str, Field(min_length=1)], InputSpec], Field(max_length=MAX_INPUTS)
        ]
        | None
    ) = None
    """The keys of an object; no others are allowed then."""
    description: Description | None = None

    @property
    def is_required(self) -> bool:
        return self.required and self.default is None

    @property
    def allows_null(self) -> bool:
        return self.nullable or not (self.required or self.default is not None)

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, value: object) -> object:
        if isinstance(value, str):
            return {"type": value}
        try:
            return {"type": KIND_OF_TYPE[value]}
        except (KeyError, TypeError):
            return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name, kind in (("items", "array"), ("properties", "object")):
            if getattr(self, name) is not None and self.type != kind:
                raise PydanticCustomError(
                    "bad-value", "only the type {kind!r} has {name}", {"kind": kind, "name": name}
                )
        plain = self.model_copy(update={"enum": None})
        candidates = [("enum", plain, item) for item in self.enum or ()]
        if self.default is not None:
            candidates.append(("default", self, self.default))
        for name, declared, value in candidates:
            for finding in misfits(declared, value, (name,)):
                raise PydanticCustomError(
                    "bad-value",
                    "{name} does not fit: {message}",
                    {"name": name, "message": finding.message},
                )
        return self


class StepSpec(_Part):
    """One step: a skill, what it is given, what it waits for, and what it may cost.

    ``when``, ``inputs`` and ``idempotency_key`` may hold references (:mod:`aos_workflow.spec.references`).
    """

    step_id: Id
    skill: SkillId
    skill_version: Version | None = None
    """Without it, the newest that is enabled when the step starts."""
    description: Description | None = None
    inputs: dict[str, JsonValue] = {}
    depends_on: Annotated[tuple[Id, ...], Field(strict=False, max_length=MAX_STEPS)] = ()
    """Steps that must be over first, besides those that are referred to. Their order means nothing."""
    when: Annotated[str, Field(max_length=MAX_KEY)] | None = None
    """A reference to a boolean; the step is skipped if it is false."""
    retry: RetrySpec = RetrySpec()
    timeout_s: Timeout | None = None
    """Seconds for one try."""
    cost_cents: Cents = 0
    """What a try is expected to cost; reserved before it."""
    max_cents: Cents | None = None
    """What the step may cost at most, all tries together."""
    idempotency_key: Annotated[str, Field(min_length=1, max_length=MAX_KEY)] | None = None


class WorkflowSpec(_Part):
    """A whole workflow: its steps, its limits, what goes in and what comes out.

    The dictionaries inside belong to the spec; change none of them.
    """

    workflow_id: Id
    version: Version = "1"
    name: Annotated[str, Field(max_length=MAX_NAME)] | None = None
    description: Description | None = None
    inputs: Annotated[dict[Id, InputSpec], Field(max_length=MAX_INPUTS)] | None = None
    """What a run must be given. ``None``: anything; ``{}``: nothing."""
    steps: Annotated[tuple[StepSpec, ...], Field(strict=False, min_length=1, max_length=MAX_STEPS)]
    budget_cents: Cents | None = None
    """What a run may cost; beyond it, the run is suspended."""
    timeout_s: Timeout | None = None
    """Seconds for a whole run."""
    max_parallel: Annotated[int, Field(ge=1, le=MAX_PARALLEL)] = 10
    """How many steps may run at the same time."""
    outputs: dict[str, JsonValue] = {}
    """What a run hands back; with references to the steps' outputs."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        findings = islice(check(self.model_dump()), MAX_PROBLEMS)
        errors = [finding for finding in findings if finding.severity == "error"]
        if errors:
            text = "\n".join(map(str, to_problems(errors)))
            raise PydanticCustomError(SPEC_PROBLEMS, "{text}", {"text": text})
        return self

    def step(self, step_id: str) -> StepSpec:
        """The step with this id.

        Raises:
            KeyError: there is none.
        """
        for step in self.steps:
            if step.step_id == step_id:
                return step
        raise KeyError(step_id)

    @property
    def spec_hash(self) -> str:
        """SHA-256 in hex of what the workflow does.

        Independent of the order of keys and of ``depends_on``, of YAML or JSON, of defaults spelled out or not, of
        names and descriptions. Computed on every call: keep it where it is needed often.
        """
        return canonical_json([_HASHED_FORMAT, self.normalised()]).hash

    def normalised(self) -> dict[str, Any]:
        """JSON data that is the same for all spellings: without defaults and without what is only for readers."""
        plain = self.model_dump(exclude_defaults=True, exclude={"name", "description"})
        _drop_descriptions(plain.get("inputs", {}))
        for step in plain["steps"]:
            step.pop("description", None)
            if "depends_on" in step:
                step["depends_on"] = sorted(step["depends_on"])
        return plain

    def to_json(self) -> str:
        """The spec as JSON text with every default spelled out, so that it means the same under later defaults."""
        return json.dumps(self.model_dump(), ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def _drop_descriptions(declared: dict[str, Any]) -> None:
    for item in declared.values():
        item.pop("description", None)
        _drop_descriptions(item.get("properties") or {})
        if item.get("items"):
            _drop_descriptions({"": item["items"]})

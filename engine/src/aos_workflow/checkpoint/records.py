"""What a checkpoint store keeps: runs, their heads, their steps, and who may go on with them.

Plain, frozen values. JSON travels as text (``bytes``): a store never looks inside, and what was written is what comes
back. Times are seconds since 1970 in UTC; money is in cents, with four decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = [
    "TRANSITIONS",
    "Census",
    "Checkpoint",
    "Commit",
    "Committed",
    "Controls",
    "Decision",
    "Due",
    "NewRun",
    "RunFilter",
    "RunStatistics",
    "RunStatus",
    "SkillRow",
    "SpecRow",
    "StepRecord",
    "StepStatus",
    "Transition",
    "WorkerRow",
]


class RunStatus(StrEnum):
    """Where a run is. Closed: the database checks it."""

    QUEUED = "queued"
    """Waits for a worker, perhaps until a time."""
    RUNNING = "running"
    """A worker has it."""
    SUSPENDED = "suspended"
    """Waits for people: an approval, a signal, a higher budget, the end of an emergency stop."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    QUARANTINED = "quarantined"
    """Did not repeat what it had done before. Never taken up again by itself."""

    @property
    def is_final(self) -> bool:
        """Whether no worker goes on with it. ``failed`` and ``quarantined`` may be retried by people."""
        return self in _FINAL


_FINAL = frozenset(
    {RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.QUARANTINED}
)

TRANSITIONS: Mapping[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.FAILED}),
    RunStatus.RUNNING: frozenset(RunStatus),
    RunStatus.SUSPENDED: frozenset({RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLED}),
    RunStatus.COMPLETED: frozenset(),
    RunStatus.FAILED: frozenset({RunStatus.QUEUED, RunStatus.RUNNING}),
    RunStatus.CANCELLED: frozenset(),
    RunStatus.QUARANTINED: frozenset({RunStatus.QUEUED, RunStatus.CANCELLED, RunStatus.FAILED}),
}
"""From which state to which a run may go."""


class StepStatus(StrEnum):
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class SpecRow:
    """A version of a workflow, kept for as long as runs of it are.

    ``spec_json`` is the whole spec of a workflow that is data, and what identifies it of one that is code.
    """

    spec_hash: str
    workflow_id: str
    version: str
    spec_json: bytes


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to create. With an ``owner`` it is running and that worker's at once; without, it is queued.

    ``seed`` is a signed 64-bit integer. ``mode`` is ``live``, ``replay``, ``shadow`` or ``fork``.
    """

    run_id: str
    workflow_id: str
    spec_hash: str
    seed: int
    input_json: bytes = b"null"
    tenant_id: str = "default"
    mode: str = "live"
    owner: str | None = None
    idempotency_key: str | None = None
    queue: str = "default"
    priority: int = 100
    """Lower is first."""
    delay_s: float = 0.0
    max_attempts: int = 5
    budget_cents: float | None = None
    golden_uri: str | None = None
    target_resource: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    parent_run_id: str | None = None
    parent_step_path: str | None = None
    forked_from_run_id: str | None = None
    forked_from_step: int | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run and how far it has come.

    ``version`` goes up by one with every change and fences off whoever does not know of it. ``next_step_index`` is the
    number of steps that are committed. ``step_outputs`` maps each committed step's path to its output; only ``load``
    fills it. ``attempts`` is how often the run was taken up since it last committed a step or was given back.
    """

    run_id: str
    workflow_id: str
    spec_hash: str
    seed: int
    input_json: bytes
    tenant_id: str
    mode: str
    status: RunStatus
    version: int
    next_step_index: int
    last_result_hash: str | None
    output_json: bytes | None
    reason: str | None
    error_code: str | None
    error_message: str | None
    attempts: int
    max_attempts: int
    owner: str | None
    cancel_requested: bool
    available_at_s: float
    created_at_s: float
    updated_at_s: float
    started_at_s: float | None
    completed_at_s: float | None
    budget_cents: float | None = None
    queue: str = "default"
    priority: int = 100
    idempotency_key: str | None = None
    golden_uri: str | None = None
    target_resource: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    parent_run_id: str | None = None
    parent_step_path: str | None = None
    forked_from_run_id: str | None = None
    forked_from_step: int | None = None
    epoch: int = 0
    """That of the :class:`Controls` when this was read."""
    step_outputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step that is over. ``step_path`` is its lineage path, unique in the run; ``step_index`` counts commits from 0.

    ``kind`` is ``skill``, ``call``, ``plan``, ``child``, ``sleep``, ``approval`` or ``signal``. ``draws_json`` maps the
    paths of times and ids that were drawn since the last commit to their values.
    """

    step_path: str
    step_index: int
    step_id: str
    kind: str
    status: StepStatus
    skill_id: str | None
    skill_version: str | None
    input_hash: str
    output_hash: str | None
    output_json: bytes | None
    step_hash: str
    attempt: int = 1
    cost_cents: float = 0.0
    draws_json: bytes | None = None
    error_code: str | None = None
    error_message: str | None = None
    started_at_s: float = 0.0
    completed_at_s: float = 0.0
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """What one round trip commits for one run: steps that are over, and what the run is then.

    Counts only if the run is still at ``expected_version`` and ``owner`` still has it. Another status than ``running``
    gives the run up: ``queued`` with ``delay_s`` to be taken up later, ``suspended``, or a final one.
    """

    run_id: str
    owner: str
    expected_version: int
    steps: tuple[StepRecord, ...] = ()
    status: RunStatus = RunStatus.RUNNING
    result_hash: str | None = None
    output_json: bytes | None = None
    draws_json: bytes | None = None
    """With another status than ``running``: what was drawn after the last step; kept until the next such commit."""
    reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit came to, and what changed meanwhile."""

    version: int
    cancel_requested: bool
    epoch: int


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state by somebody who does not have the run: an operator, the reaper.

    Counts only if the run is still at ``expected_version``, when that is given. ``budget_cents`` is a new ceiling of
    the run's own; ``None`` leaves the one that it has.
    """

    run_id: str
    status: RunStatus
    by: str
    reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    expected_version: int | None = None
    reset_attempts: bool = False
    budget_cents: float | None = None


@dataclass(frozen=True, slots=True)
class Controls:
    """What operators switched, for a whole fleet. ``epoch`` goes up with every change, also by plain SQL.

    ``disabled_skills`` maps (skill id, version, ``None`` for all) to the reason.
    """

    epoch: int
    stopped: bool = False
    stop_reason: str | None = None
    disabled_skills: Mapping[tuple[str, str | None], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Due:
    """What waits in a queue and is due: how many runs, and how long the first of them has waited."""

    runs: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Census:
    """Runs that are not over, as they are now.

    ``live`` counts them by state, ``due`` by queue. ``stale`` are run id, workflow id and seconds since the last change
    of those that are running, the longest first. ``questions`` are open.
    """

    live: Mapping[RunStatus, int]
    due: Mapping[str, Due]
    stale: tuple[tuple[str, str, float], ...]
    questions: int


@dataclass(frozen=True, slots=True)
class SkillRow:
    """A skill as the table ``skill_registry`` has it. Registering one never switches it on or off."""

    skill_id: str
    version: str
    side_effects: str = "reads"
    enabled: bool = True
    disabled_reason: str | None = None
    input_schema_json: bytes | None = None
    output_schema_json: bytes | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A question to people, or a signal, and its answer once there is one. Identified by run and step path.

    ``decision`` is ``approved``, ``rejected``, ``received`` (a signal) or ``expired``; ``None`` while it is open.
    """

    run_id: str
    step_path: str
    kind: str
    name: str
    request_json: bytes = b"null"
    decision: str | None = None
    payload_json: bytes | None = None
    decided_by: str | None = None
    requested_at_s: float = 0.0
    decided_at_s: float | None = None
    expires_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A process that runs runs. It is alive while its heartbeat is recent."""

    worker_id: str
    queues: tuple[str, ...] = ("default",)
    status: str = "idle"
    heartbeat_at_s: float = 0.0
    started_at_s: float = 0.0
    running: int = 0
    meta_json: bytes = b"{}"


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list, newest change first; ``None`` means any."""

    statuses: tuple[RunStatus, ...] | None = None
    workflow_id: str | None = None
    tenant_id: str | None = None
    queue: str | None = None
    owner: str | None = None
    updated_before_s: float | None = None
    before: tuple[float, str] | None = None
    """Go on after this ``(updated_at_s, run_id)``."""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class RunStatistics:
    """What the runs of one workflow came to.

    Durations are of completed runs, from the first start to the end, interpolated between runs; ``None`` without any.
    ``cost_cents`` is what all of them were charged, failed steps too.
    """

    workflow_id: str
    counts: Mapping[RunStatus, int] = field(default_factory=dict)
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    cost_cents: float = 0.0

    @property
    def runs(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    @property
    def success(self) -> float | None:
        """The share of completed runs among those that are over; ``None`` if none is."""
        over = sum(count for status, count in self.counts.items() if status.is_final)
        return self.counts.get(RunStatus.COMPLETED, 0) / over if over else None

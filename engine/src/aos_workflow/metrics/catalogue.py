"""Every metric there is, once: name, kind, labels, what it says, and where it comes from.

Documentation, dashboard and alert rules are tested against this page. Names are those of the runbooks where they have
one. Durations are in seconds, money in cents. A label has a closed set of values (``known``), or at most
:data:`MAX_VALUES` of them; what comes later is counted under ``other``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["CATALOGUE", "MAX_VALUES", "Kind", "Metric"]

Kind = Literal["counter", "gauge", "histogram"]
MAX_VALUES = 100
"""Different values of an open label, such as a skill's id."""
MAX_RUNNING = 100
"""Runs that ``nova_workflow_running_age_seconds`` names: the ones that are stale longest."""

_SAVE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0)
"""An edge at each threshold of the runbook: 200 ms, 500 ms, 1 s."""
_STEP_S = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_HTTP_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_ENDS = ("completed", "failed", "cancelled", "quarantined")
_LEFT = (*_ENDS, "suspended", "queued", "lost")
_CAUSES = ("replay", "content", "tampered", "truncated", "unsigned", "unreadable")
_REFUSALS = ("budget", "rate", "step", "skill", "stop", "store_lost")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. ``source`` is the process that has it: ``engine``, ``worker`` or ``server``."""

    name: str
    kind: Kind
    help: str
    source: Literal["engine", "worker", "server"]
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


RUNS = Metric(
    "nova_workflow_runs_total",
    "counter",
    "Runs that came to an end, by how.",
    "engine",
    ("status",),
    known={"status": _ENDS},
)
EXECUTIONS = Metric(
    "workflow_executions_total",
    "counter",
    "Times that a run was taken up and left again, by workflow and by what it was then.",
    "engine",
    ("workflow", "status"),
    known={"status": _LEFT},
)
STEP_SECONDS = Metric(
    "workflow_step_duration_seconds",
    "histogram",
    "Duration of one try of a step, by skill and outcome.",
    "engine",
    ("skill", "status"),
    _STEP_S,
    {"status": ("completed", "failed")},
)
STEP_FAILURES = Metric(
    "nova_workflow_step_failures_total",
    "counter",
    "Tries of steps that failed, by error code.",
    "engine",
    ("code",),
    known={"code": ("EXECUTION_ERROR", "POLICY_VIOLATION", "SKILL_NOT_FOUND", "STEP_TIMEOUT")},
)
SAVE_SECONDS = Metric(
    "nova_workflow_checkpoint_save_seconds",
    "histogram",
    "Duration of saving a checkpoint.",
    "engine",
    buckets=_SAVE_S,
)
CHECKPOINT_SECONDS = Metric(
    "nova_workflow_checkpoint_duration_seconds",
    "histogram",
    "Duration of saving and loading checkpoints, by operation.",
    "engine",
    ("op",),
    _SAVE_S,
    {"op": ("save", "load")},
)
SAVE_FAILURES = Metric(
    "nova_workflow_checkpoint_save_failures_total",
    "counter",
    "Checkpoints that could not be saved, by error code.",
    "engine",
    ("code",),
    known={"code": ("STORE_UNAVAILABLE", "CHECKPOINT_VERSION_CONFLICT", "PAYLOAD_TOO_LARGE")},
)
LEASE_LOSSES = Metric(
    "nova_workflow_lease_losses_total",
    "counter",
    "Runs that a worker lost while it executed them: somebody else moved them on.",
    "engine",
)
REPLAY_FAILURES = Metric(
    "nova_workflow_replay_failures_total",
    "counter",
    "Replays, and runs that were gone on with, that did not repeat what was recorded.",
    "engine",
)
GOLDEN_MISMATCHES = Metric(
    "nova_workflow_golden_mismatches_total",
    "counter",
    "Goldens that were verified or compared and were not as they should be, by cause.",
    "engine",
    ("cause",),
    known={"cause": _CAUSES},
)
REFUSALS = Metric(
    "nova_workflow_policy_refusals_total",
    "counter",
    "Tries of steps that a policy refused or held up, by which.",
    "engine",
    ("reason",),
    known={"reason": _REFUSALS},
)
STORE_LOSSES = Metric(
    "nova_workflow_policy_store_losses_total",
    "counter",
    "Questions that the store of budgets and rates did not answer.",
    "engine",
)
COST = Metric(
    "nova_workflow_cost_cents_total",
    "counter",
    "What committed steps cost, in cents.",
    "engine",
)
WORKER_RUNS = Metric(
    "nova_workflow_worker_runs", "gauge", "Runs that this worker executes now.", "worker"
)
WORKER_SLOTS = Metric(
    "nova_workflow_worker_slots", "gauge", "Runs that this worker may execute at a time.", "worker"
)
REQUEUED = Metric(
    "nova_workflow_runs_requeued_total",
    "counter",
    "Runs of dead workers that this worker queued again.",
    "worker",
)
STORE_WAITS = Metric(
    "nova_workflow_store_unavailable_total",
    "counter",
    "Times that this worker found the store out of reach and waited.",
    "worker",
)
DATABASE_UP = Metric(
    "nova_workflow_database_up", "gauge", "1 if the server reaches the database, else 0.", "server"
)
LIVE_RUNS = Metric(
    "nova_workflow_live_runs",
    "gauge",
    "Runs that are not over, by state.",
    "server",
    ("status",),
    known={"status": ("queued", "running", "suspended")},
)
QUEUE_DEPTH = Metric(
    "nova_workflow_queue_depth", "gauge", "Runs that are due and queued.", "server", ("queue",)
)
QUEUE_AGE = Metric(
    "nova_workflow_queue_oldest_seconds",
    "gauge",
    "How long the run that is due longest has waited for a worker.",
    "server",
    ("queue",),
)
RUNNING_AGE = Metric(
    "nova_workflow_running_age_seconds",
    "gauge",
    f"Time since the last checkpoint of a running run; of the {MAX_RUNNING} that are stale longest.",
    "server",
    ("run_id", "workflow"),
)
WORKERS = Metric(
    "nova_workflow_workers",
    "gauge",
    "Workers that are known, by state.",
    "server",
    ("state",),
    known={"state": ("alive", "unresponsive", "dead")},
)
STOPPED = Metric(
    "nova_workflow_emergency_stop", "gauge", "1 while the whole fleet is stopped, else 0.", "server"
)
APPROVALS = Metric(
    "nova_workflow_approvals_open", "gauge", "Questions that wait for people.", "server"
)
SHADOW_CYCLES = Metric(
    "nova_workflow_shadow_cycles_total",
    "counter",
    "Cycles that a shadow simulation has done.",
    "server",
    ("folder",),
)
SHADOW_MISMATCHES = Metric(
    "nova_workflow_shadow_mismatches_total",
    "counter",
    "Mismatches that a shadow simulation has found.",
    "server",
    ("folder",),
)
SHADOW_UPDATED = Metric(
    "nova_workflow_shadow_updated_timestamp_seconds",
    "gauge",
    "When a shadow simulation last wrote its status.",
    "server",
    ("folder", "state"),
)
HTTP_REQUESTS = Metric(
    "nova_workflow_http_requests_total",
    "counter",
    "Requests that the server answered, by route and status code.",
    "server",
    ("method", "route", "code"),
)
HTTP_SECONDS = Metric(
    "nova_workflow_http_request_seconds",
    "histogram",
    "Duration of answering a request, by route.",
    "server",
    ("route",),
    _HTTP_S,
)
BUILD = Metric(
    "nova_workflow_build_info",
    "gauge",
    "Always 1; says which version runs.",
    "engine",
    ("version",),
)

CATALOGUE = (
    RUNS,
    EXECUTIONS,
    STEP_SECONDS,
    STEP_FAILURES,
    SAVE_SECONDS,
    CHECKPOINT_SECONDS,
    SAVE_FAILURES,
    LEASE_LOSSES,
    REPLAY_FAILURES,
    GOLDEN_MISMATCHES,
    REFUSALS,
    STORE_LOSSES,
    COST,
    WORKER_RUNS,
    WORKER_SLOTS,
    REQUEUED,
    STORE_WAITS,
    DATABASE_UP,
    LIVE_RUNS,
    QUEUE_DEPTH,
    QUEUE_AGE,
    RUNNING_AGE,
    WORKERS,
    STOPPED,
    APPROVALS,
    SHADOW_CYCLES,
    SHADOW_MISMATCHES,
    SHADOW_UPDATED,
    HTTP_REQUESTS,
    HTTP_SECONDS,
    BUILD,
)

"""Commits as the arguments of their statements. The hot path of the store: what is done here is done for every step."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import orjson

from aos_workflow.checkpoint.postgres.texts import storable, text_of
from aos_workflow.checkpoint.records import Commit, RunStatus, StepRecord

__all__ = ["alone_arguments", "group_arguments", "is_simple", "is_step", "step_arguments"]

_COLUMNS = attrgetter(
    "step_path",
    "step_index",
    "step_id",
    "kind",
    "status",
    "skill_id",
    "skill_version",
    "input_hash",
    "output_hash",
    "step_hash",
    "attempt",
    "cost_cents",
    "error_code",
    "idempotency_key",
    "started_at_s",
    "completed_at_s",
)
_NO_STEP = (None,) * 20
_LATEST = 4
"""Outputs that the head shows."""
_SMALL_BYTES = 200
"""Up to so many the head shows the output itself."""


def is_step(commit: Commit) -> bool:
    """Whether the commit is what nearly all are: one step of a run that goes on. Of those that are simple."""
    return commit.status is RunStatus.RUNNING and len(commit.steps) == 1


def is_simple(commit: Commit, out_of_row_bytes: int) -> bool:
    """Whether the commit may go with others: one step at most, its output in its row."""
    steps = commit.steps
    if not steps:
        return True
    output = steps[0].output_json
    return len(steps) == 1 and (output is None or len(output) <= out_of_row_bytes)


def step_arguments(commit: Commit) -> tuple[Any, ...]:
    """Those of ``COMMIT_STEP``."""
    step = commit.steps[0]
    return (
        commit.run_id,
        commit.expected_version,
        commit.owner,
        commit.result_hash,
        _latest(commit.steps),
        *_COLUMNS(step),
        text_of(step.output_json),
        text_of(step.draws_json),
        storable(step.error_message),
    )


def group_arguments(commits: Sequence[Commit]) -> list[Any]:
    """Those of ``COMMIT_GROUP``: an array for each column."""
    rows = [
        (*_head_row(commit), *(_step_row(commit.steps[0]) if commit.steps else _NO_STEP))
        for commit in commits
    ]
    return list(zip(*rows, strict=True))


def alone_arguments(commit: Commit, out_of_row_bytes: int) -> list[Any]:
    """Those of ``COMMIT_ALONE``: an array for each column of the steps, and of the outputs that are kept by digest."""
    steps = []
    bodies: dict[str, str] = {}
    for step in commit.steps:
        output, digest = step.output_json, None
        if output is not None and len(output) > out_of_row_bytes:
            digest = hashlib.sha256(output).hexdigest()
            bodies[digest] = output.decode()
        steps.append(_step_row(step, digest))
    columns = list(zip(*steps, strict=True)) if steps else [()] * len(_NO_STEP)
    return [*_head_row(commit), *columns, list(bodies), list(bodies.values())]


def _step_row(step: StepRecord, digest: str | None = None) -> tuple[Any, ...]:
    return (
        *_COLUMNS(step),
        text_of(step.output_json) if digest is None else None,
        digest,
        text_of(step.draws_json),
        storable(step.error_message),
    )


def _head_row(commit: Commit) -> tuple[Any, ...]:
    row = (
        commit.run_id,
        commit.owner,
        commit.expected_version,
        commit.status,
        commit.result_hash,
        len(commit.steps),
        _latest(commit.steps) if commit.steps else None,
    )
    if commit.status is RunStatus.RUNNING:
        return (*row, None, None, None, 0.0)
    rest = {
        "reason": storable(commit.reason),
        "error_code": commit.error_code,
        "error_message": storable(commit.error_message),
    }
    return (
        *row,
        text_of(commit.output_json),
        text_of(commit.draws_json),
        orjson.dumps(rest).decode(),
        commit.delay_s,
    )


def _latest(steps: Sequence[StepRecord]) -> str:
    """The last few outputs by path: small ones as they are, of others hash and size. Never more than about 2 KB."""
    shown = []
    for step in steps[-_LATEST:]:
        output = step.output_json
        if output is None:
            continue
        if len(output) > _SMALL_BYTES:
            output = orjson.dumps({"hash": step.output_hash, "bytes": len(output)})
        shown.append(orjson.dumps(step.step_path) + b":" + output)
    return (b"{" + b",".join(shown) + b"}").decode()

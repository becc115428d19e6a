"""What a store says no to, in the same words whichever store it is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from aos_workflow.checkpoint.heads import ANY_VERSION
from aos_workflow.checkpoint.records import (
    Checkpoint,
    Commit,
    NewRun,
    RunStatus,
    SkillRow,
    Transition,
)
from aos_workflow.errors import (
    CheckpointVersionConflictError,
    RunConflictError,
    RunLeasedError,
    RunNotFoundError,
    RunStateError,
    SkillNotFoundError,
)

__all__ = [
    "already_over",
    "conflict",
    "leased",
    "moved_on",
    "no_question",
    "not_allowed",
    "other_run",
    "too_few_steps",
    "unknown_run",
    "unknown_skill",
]

_SAME = ("tenant_id", "workflow_id", "spec_hash", "seed", "input_json")


def other_run(known: Checkpoint, new: NewRun) -> tuple[str, ...]:
    """In what a run that exists is another one than is asked for. A key does not bind the seed: it may be drawn."""
    names = [name for name in _SAME if getattr(known, name) != getattr(new, name)]
    if known.run_id != new.run_id:
        names = [name for name in names if name != "seed"]
    return tuple(names)


def conflict(known: Checkpoint, new: NewRun) -> RunConflictError:
    """Why a run cannot be made. Of another tenant's nothing is said, not even that it is one."""
    if known.tenant_id != new.tenant_id:
        return RunConflictError(
            f"run id {new.run_id!r} cannot be used for tenant {new.tenant_id!r}",
            run_id=new.run_id,
            hint="choose another id",
        )
    differing = other_run(known, new) or ("run_id",)
    name = differing[0]
    if name in ("input_json", "run_id"):
        detail = "its input is another one" if name == "input_json" else "the id is taken"
    else:
        detail = f"{name}: expected {getattr(known, name)!r}, got {getattr(new, name)!r}"
    by = "id" if known.run_id == new.run_id else f"idempotency key {new.idempotency_key!r}"
    return RunConflictError(
        f"run {known.run_id!r} exists already under this {by}, and is another one: {detail}",
        run_id=known.run_id,
        hint=f"choose another one, or look at it: aos-workflow inspect --run {known.run_id}",
    )


def moved_on(commit: Commit | Transition) -> CheckpointVersionConflictError:
    return CheckpointVersionConflictError(
        f"run {commit.run_id!r} is no longer at version {commit.expected_version}, or somebody else has it; nothing "
        "was written",
        run_id=commit.run_id,
        expected_version=commit.expected_version,
        hint=f"aos-workflow inspect --run {commit.run_id}",
    )


def unknown_run(run_id: str) -> RunNotFoundError:
    return RunNotFoundError(
        f"no run {run_id!r} is in the store", run_id=run_id, hint="aos-workflow list-running"
    )


def leased(head: Checkpoint) -> RunLeasedError:
    return RunLeasedError(
        f"run {head.run_id!r} is being run by {head.owner}, which is alive",
        run_id=head.run_id,
        hint=f"wait for it, or: aos-workflow cancel --run {head.run_id}",
    )


def already_over(head: Checkpoint, what: str) -> RunStateError:
    hint = f"aos-workflow inspect --run {head.run_id}"
    if head.status is RunStatus.QUARANTINED:
        hint = f"look why, then: aos-workflow retry --run {head.run_id}"
    return RunStateError(
        f"run {head.run_id!r} is {head.status.value} and cannot {what}",
        run_id=head.run_id,
        hint=hint,
    )


def not_allowed(head: Checkpoint, status: RunStatus) -> RunStateError:
    return RunStateError(
        f"run {head.run_id!r} is {head.status.value} and cannot become {status.value}",
        run_id=head.run_id,
        hint=f"aos-workflow inspect --run {head.run_id}",
    )


def no_question(run_id: str, name: str) -> RunStateError:
    return RunStateError(
        f"run {run_id!r} does not wait for {name!r}",
        run_id=run_id,
        hint=f"aos-workflow approvals list --run {run_id}",
    )


def too_few_steps(run_id: str, wanted: int, there: int) -> RunStateError:
    return RunStateError(
        f"run {run_id!r} has {there} committed steps; it cannot be forked after {wanted}",
        run_id=run_id,
        hint=f"aos-workflow inspect --run {run_id}",
    )


def unknown_skill(
    skill_id: str, version: str | None, rows: Iterable[SkillRow], *, enabled: bool
) -> SkillNotFoundError:
    """Why a skill cannot be switched: nobody has registered it; with what may have been meant."""
    known: dict[str, list[str]] = {}
    for row in rows:
        known.setdefault(row.skill_id, []).append(row.version)
    if skill_id in known:
        versions = ", ".join(each for each in known[skill_id] if each != ANY_VERSION) or "none"
        message = f"no version {version!r} of skill {skill_id!r} is registered; known: {versions}"
    else:
        near = difflib.get_close_matches(skill_id, known, n=3)
        meant = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        message = f"no worker has registered a skill {skill_id!r}{meant}"
    hint = "aos-workflow skills list"
    if not enabled:
        only = "" if version is None else f" --version {version}"
        hint += (
            "; to refuse it before a worker registers it: "
            f"aos-workflow skills disable {skill_id}{only} --reason TEXT --unregistered"
        )
    return SkillNotFoundError(message, skill_id=skill_id, hint=hint)

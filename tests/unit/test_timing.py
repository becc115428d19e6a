"""Where the time of a run went."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aos_workflow.checkpoint.heads import new_head
from aos_workflow.checkpoint.records import Checkpoint, NewRun, StepRecord, StepStatus
from aos_workflow.cli.timing import timing_of


def head(begun_s: float, ended_s: float) -> Checkpoint:
    made = new_head(NewRun("r", "w", "hash", 1), begun_s, 0)
    return replace(made, updated_at_s=ended_s, completed_at_s=ended_s)


def step(path: str, begun_s: float, ended_s: float, kind: str = "skill") -> StepRecord:
    return StepRecord(
        step_path=path,
        step_index=int(path),
        step_id=path,
        kind=kind,
        status=StepStatus.COMPLETED,
        skill_id=None,
        skill_version=None,
        input_hash="i",
        output_hash="o",
        output_json=None,
        step_hash="h",
        started_at_s=begun_s,
        completed_at_s=ended_s,
    )


def test_steps_are_ranked_and_what_is_not_covered_was_waiting() -> None:
    found = timing_of(head(100, 110), [step("1", 101, 102), step("2", 104, 108)])
    assert [(path, took_s) for path, _, took_s in found.steps] == [("2", 4), ("1", 1)]
    assert (found.total_s, found.waiting_s, found.waiting_share) == (10, 5, 0.5)
    assert found.share(4) == 0.4


def test_steps_at_the_same_time_count_once() -> None:
    spans = [step("1", 100, 105), step("2", 101, 104), step("3", 103, 108)]
    assert timing_of(head(100, 110), spans).waiting_s == 2


def test_sleeping_and_asking_is_waiting() -> None:
    spans = [step("1", 100, 104, "sleep"), step("2", 104, 108, "approval"), step("3", 108, 110)]
    found = timing_of(head(100, 110), spans)
    assert found.waiting_s == 8
    assert found.steps[0][2] == 4


def test_a_run_without_steps_or_time() -> None:
    found = timing_of(head(100, 100), [])
    assert (found.total_s, found.waiting_share, found.share(1), found.steps) == (0, 0, 0, ())
    assert found.to_json()["steps"] == []


def test_a_clock_that_went_back_gives_no_negative_time() -> None:
    found = timing_of(head(100, 90), [step("1", 95, 94)])
    assert found.total_s == 0
    assert found.steps[0][2] == pytest.approx(0)

"""Faults that the engine promises to survive change nothing; others have both sides come to the same."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from aos_workflow.shadow.comparing import compare
from aos_workflow.shadow.cycle import plan, run_side
from aos_workflow.shadow.faults import KINDS, draw_faults
from aos_workflow.shadow.records import Campaign, Cycle, CycleReport, Fault, Side, Verdict
from aos_workflow.shadow.workflows import shipped

PROGRAMS = shipped()
SURVIVED = sorted(name for name, kind in KINDS.items() if not kind.is_shared)


def simulate(cycle: Cycle) -> CycleReport:
    primary = run_side(cycle, Side.PRIMARY, PROGRAMS)
    return compare(cycle, primary, run_side(cycle, Side.SHADOW, PROGRAMS))


def test_clean_workflows_match_under_every_profile() -> None:
    struck: Counter[str] = Counter()
    for profile, count in (("none", 30), ("default", 60), ("heavy", 150)):
        for number in range(count):
            report = simulate(plan(Campaign(11, faults=profile), number, PROGRAMS))
            assert report.verdict is Verdict.MATCH, report
            struck.update(report.faults)
    assert set(struck) == set(KINDS)


@pytest.mark.slow
def test_clean_workflows_match_a_hundred_thousand_times() -> None:
    for number in range(100_000):
        profile = ("default", "heavy", "none")[number % 3]
        report = simulate(plan(Campaign(5, faults=profile), number, PROGRAMS))
        assert report.verdict is Verdict.MATCH, report


@pytest.mark.parametrize("kind", SURVIVED)
@pytest.mark.parametrize("workflow", PROGRAMS.ids)
def test_each_fault_alone_is_survived(kind: str, workflow: str) -> None:
    quiet = plan(Campaign(3, faults="none"), 1, PROGRAMS)
    inputs = next(
        cycle.inputs
        for number in range(200)
        if (cycle := plan(Campaign(3, faults="none"), number, PROGRAMS)).workflow == workflow
    )
    numbers = {
        "one_in": 1, "delay_s": 5.0, "applied": 1, "shift_s": -40_000, "calls": 2
    }  # fmt: skip
    for at in range(4):
        fault = Fault(
            kind, 0 if kind in ("slow_step", "duplicate_start") else at, Side.SHADOW, numbers
        )
        cycle = Cycle(at, quiet.seed, workflow, inputs, (fault,), {"schedule": at})
        report = simulate(cycle)
        assert report.verdict is Verdict.MATCH, report


def test_plans_follow_from_seed_and_number() -> None:
    first = [plan(Campaign(1), number, PROGRAMS) for number in range(20)]
    again = [plan(Campaign(1), number, PROGRAMS) for number in reversed(range(20))]
    assert first == again[::-1]
    assert first != [plan(Campaign(2), number, PROGRAMS) for number in range(20)]
    assert [Cycle.from_json(cycle.to_json()) for cycle in first] == first


def test_a_workflow_with_a_time_limit_gets_no_fault_that_takes_time() -> None:
    draw = random.Random(1)
    for _ in range(200):
        for fault in draw_faults(draw, "heavy", is_timed=True):
            kind = KINDS[fault.kind]
            assert kind.is_shared or not kind.takes_time

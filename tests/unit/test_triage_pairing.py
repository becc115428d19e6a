"""Steps are put side by side by what they are, and not by where they stand."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from tests.triage_samples import STEPS, Step, run, runs, step

from aos_workflow.golden.triage.pairing import Pair, pair
from aos_workflow.golden.triage.units import Unit, units_of_events, units_of_value


def units(steps: Sequence[Step]) -> tuple[Unit, ...]:
    return units_of_events([{"event_type": "step", "data": each} for each in steps])


def shown(pairs: Sequence[Pair]) -> list[tuple[str | None, str | None, str]]:
    return [
        (
            each.left.identity if each.left else None,
            each.right.identity if each.right else None,
            "moved" if each.moved else each.status,
        )
        for each in pairs
    ]


def paired(left: Sequence[Step], right: Sequence[Step]) -> list[tuple[str | None, str | None, str]]:
    return shown(pair(units(left), units(right)))


def test_a_step_put_in_front_renumbers_and_changes_nothing() -> None:
    a = [step("1:ask", {"n": 1}, {"q": 1}), step("2:ask", {"n": 2}, {"q": 2})]
    b = [
        step("1:ask", {"n": 0}, {"q": 0}),
        step("2:ask", {"n": 1}, {"q": 1}),
        step("3:ask", {"n": 2}, {"q": 2}),
    ]
    assert paired(a, b) == [
        (None, "1:ask", "added"),
        ("1:ask", "2:ask", "same"),
        ("2:ask", "3:ask", "same"),
    ]
    found = runs(run(a), run(b))
    assert found.counts == {"same": 4, "changed": 0, "missing": 0, "added": 1, "moved": 0}
    assert found.first is not None
    assert found.first.unit == "step 1:ask"


def test_a_step_taken_out_while_another_changes() -> None:
    a = [step(f"{n}:ask", {"n": n}, {"q": n}) for n in range(1, 6)]
    b = [
        step("1:ask", {"n": 1}, {"q": 1}), step("2:ask", {"n": 3}, {"q": 3}),
        step("3:ask", {"n": 44}, {"q": 4}), step("4:ask", {"n": 5}, {"q": 5}),
    ]  # fmt: skip
    assert paired(a, b) == [
        ("1:ask", "1:ask", "same"),
        ("2:ask", None, "missing"),
        ("3:ask", "2:ask", "same"),
        ("4:ask", "3:ask", "changed"),
        ("5:ask", "4:ask", "same"),
    ]


def test_values_that_are_drawn_anew_do_not_look_moved() -> None:
    a = [step(f"{n}:roll", roll, {}) for n, roll in enumerate((3, 1, 2, 6), 1)]
    b = [step(f"{n}:roll", roll, {}) for n, roll in enumerate((1, 2, 5, 3), 1)]
    assert [status for _, _, status in paired(a, b)] == ["changed"] * 4


def test_another_skill_is_never_a_partner() -> None:
    a, b = [step("1:search", 1)], [step("1:find", 1)]
    assert paired(a, b) == [("1:search", None, "missing"), (None, "1:find", "added")]


def test_parallel_tasks_are_told_apart_by_their_lineage() -> None:
    a = [step(f"1.{n}/1:work", {"n": n}, {}) for n in range(3)]
    b = [a[0], {**a[1], "output": {"n": 9}}, a[2]]
    assert paired(a, b)[1] == ("1.1/1:work", "1.1/1:work", "changed")


def test_steps_of_one_name_without_a_path_are_numbered() -> None:
    steps = [{"step_id": "ask", "output": n} for n in range(3)]
    assert [unit.identity for unit in units(steps)] == ["ask", "ask #2", "ask #3"]


@pytest.mark.parametrize("seed", range(25))
def test_every_step_is_in_exactly_one_pair(seed: int) -> None:
    rng = random.Random(seed)

    def some() -> list[Step]:
        names = (f"{rng.randrange(6)}:{rng.choice('ab')}" for _ in range(rng.randrange(12)))
        return [step(name, rng.randrange(3), {"q": rng.randrange(3)}) for name in names]

    left, right = units(some()), units(some())
    pairs = pair(left, right)
    assert Counter(id(p.left) for p in pairs if p.left) == Counter(map(id, left))
    assert Counter(id(p.right) for p in pairs if p.right) == Counter(map(id, right))
    assert [p.left.place for p in pairs if p.left] == list(range(len(left)))
    for each in pairs:
        if each.left and each.right:
            assert (each.left.kind, each.left.skill) == (each.right.kind, each.right.skill)
    assert all(p.status == "same" and not p.moved for p in pair(left, left))


@pytest.mark.parametrize("kind", ["shuffled", "redrawn", "shifted"])
def test_many_steps_take_little_time(kind: str) -> None:
    a = [step(f"{n}:work", {"n": n}, {"q": n}) for n in range(4000)]
    rng = random.Random(7)
    if kind == "shuffled":
        b = rng.sample(a, len(a))
    elif kind == "redrawn":
        b = [{**each, "output": {"n": rng.random()}} for each in a]
    else:
        b = [step(f"{n}:work", {"n": n - 3}, {"q": n - 3}) for n in range(4000)]
    left, right = units(a), units(b)
    began = time.process_time()
    pairs = pair(left, right)
    assert time.process_time() - began < 3
    assert sum(p.status in ("missing", "added") for p in pairs) <= (6 if kind == "shifted" else 0)


def test_consequences_are_not_causes() -> None:
    """One drawn number: what was made of it is counted with it."""
    a, b = (
        [
            STEPS[0],
            step("2:draw", {"x": x}, {}),
            step("3:use", {"y": x + 1}, {"x": x}),
            step("4:tell", {"text": f"got {x}"}, {"x": x}),
        ]
        for x in (0.6335013761892447, 0.2710417937058941)
    )
    found = runs(run(a, output={"x": 1}), run(b, output={"x": 2}))
    assert [cause.name for cause in found.causes] == ["unseeded-rng"]
    assert found.total == 6
    assert "5 more differences follow from it" in found.causes[0].evidence


def test_two_defects_are_two_causes() -> None:
    def steps(x: float, at: str) -> list[Step]:
        return [step("1:draw", {"x": x}, {}), step("2:clock", {"at": at}, {})]

    a = run(steps(0.6335013761892447, "2026-01-01T00:00:00Z"))
    b = run(steps(0.2710417937058941, "2026-01-01T00:00:01Z"))
    assert [(c.name, c.skill) for c in runs(a, b).causes] == [
        ("unseeded-rng", "draw"),
        ("volatile-leak", "clock"),
    ]


def test_the_cause_that_no_rule_allows_comes_first() -> None:
    def steps(x: float, at: str) -> list[Step]:
        return [step("1:clock", {"at": at}, {}), step("2:draw", {"x": x}, {})]

    a = run(steps(0.6335013761892447, "2026-01-01T00:00:00Z"))
    b = run(steps(0.2710417937058941, "2026-01-01T00:00:01Z"))
    found = runs(a, b)
    assert [c.name for c in found.causes] == ["unseeded-rng", "volatile-leak"]
    assert found.first is not None
    assert found.first.unit == "step 2:draw"


def test_one_rule_is_one_cause_however_often_it_is_needed() -> None:
    def steps(second: int) -> list[Step]:
        return [
            step(f"{n}:work", {"at": f"2026-01-01T00:00:{second:02}.{n:03}Z"}, {})
            for n in range(50)
        ]

    found = runs(run(steps(1)), run(steps(2)))
    assert [(c.name, c.count, c.rule) for c in found.causes] == [
        ("volatile-leak", 50, ".**.at: mask timestamp")
    ]


def test_what_is_kept_is_bounded_and_what_is_not_is_counted() -> None:
    a, b = (
        [step(f"{n}:work", [[x, i] for i in range(300)], {}) for n in range(60)] for x in (1, 2)
    )
    found = runs(run(a), run(b))
    kept = [len(finding.differences) for finding in found.findings if finding.differs]
    assert len(kept) == found.counts["changed"] == 60
    assert sum(kept) < 10_100
    assert min(kept) == 1
    assert not found.complete
    assert found.total >= 60 * 300


def test_where_the_steps_of_a_value_stand() -> None:
    value: Any = {"seed": 1, "steps": [{"id": "a", "x": 1}]}
    header, first = units_of_value(value)
    assert (header.kind, header.value) == ("header", {"seed": 1})
    assert (first.prefix, first.identity) == (("steps", 0), "a")
    assert [unit.kind for unit in units_of_value({"steps": []})] == ["value"]
    assert [unit.kind for unit in units_of_value({"steps": [1, 2]})] == ["value"]

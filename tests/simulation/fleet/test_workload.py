"""What is still to be run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.simulation.fleet.simulate import settings

from aos_workflow.errors import ShadowWorkerError
from aos_workflow.shadow.pair import Lost
from aos_workflow.shadow.tally import Entry, Tally
from aos_workflow.shadow.workload import KILLS, STARTS, Workload


def given_out(workload: Workload) -> list[int]:
    found: list[int] = []
    while workload.peek() is not None:
        found += workload.take().numbers
    return found


def test_everything_once() -> None:
    assert given_out(Workload(settings(cycles=1000), Tally())) == list(range(1000))


def test_only_what_is_not_counted() -> None:
    """Also behind a last batch that an earlier, shorter target cut off."""
    tally = Tally()
    for first, end in ((0, 16), (32, 48), (48, 50)):
        tally.add(Entry(first, end, end - first))
    workload = Workload(settings(cycles=100), tally)
    assert given_out(workload) == [*range(16, 32), *range(50, 100)]


def test_what_is_lost_comes_first() -> None:
    workload = Workload(settings(cycles=100), Tally())
    first, second = workload.take(), workload.take()
    workload.give_back(Lost(first, "killed", at=3))
    assert workload.take() == first
    assert workload.take().first == second.end


def test_a_cycle_is_given_up_after_some_kills() -> None:
    workload = Workload(settings(cycles=10), Tally())
    for kills in range(1, KILLS + 1):
        batch = workload.take()
        assert not batch.given_up
        workload.give_back(Lost(batch, "killed", at=3))
        assert workload.lost == kills
    assert workload.take() == replace(batch, given_up={3: "killed"})
    assert workload.peek() is None


def test_too_many_losses_in_a_row() -> None:
    workload = Workload(settings(cycles=10_000), Tally())
    for _ in range(STARTS - 1):
        workload.give_back(Lost(workload.take(), "did not start"))
    workload.done()
    for _ in range(STARTS - 1):
        workload.give_back(Lost(workload.take(), "did not start"))
    with pytest.raises(ShadowWorkerError, match="did not start"):
        workload.give_back(Lost(workload.take(), "did not start"))


def test_stopped() -> None:
    workload = Workload(settings(), Tally())
    batch = workload.take()
    workload.stop()
    workload.give_back(Lost(batch, "killed", at=1))
    assert workload.peek() is None

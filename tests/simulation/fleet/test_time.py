"""Hours, stalls and drains, with workers and a clock that the test moves."""

from __future__ import annotations

import collections
from collections.abc import Callable
from pathlib import Path

import orjson
from tests.simulation.fleet.scripted import Scripted
from tests.simulation.fleet.simulate import Watcher, settings

from aos_workflow.determinism import FixedClock
from aos_workflow.shadow.coordinator import Coordinator, Limits
from aos_workflow.shadow.folder import Folder, Settings
from aos_workflow.shadow.pair import Done, Outcome
from aos_workflow.shadow.records import Side
from aos_workflow.shadow.schedule import Batch
from aos_workflow.shadow.status import State


class Fleet:
    """Runs batches where it stands; each takes as long as the clock is moved for it."""

    workers = 1

    def __init__(self, asked: Settings, move: Callable[[Batch], bool]) -> None:
        """``move`` moves the clock, and says whether the batch has come to its end by then."""
        self._runner = Scripted(asked.campaign)
        self._move = move
        self._orders: collections.deque[Batch] = collections.deque()

    def start(self, hash_seed: int) -> str:
        return "scripted"

    def submit(self, batch: Batch) -> None:
        self._orders.append(batch)

    def next(self, limit_s: float) -> Outcome | None:
        if not self._orders or not self._move(self._orders[0]):
            return None
        batch = self._orders.popleft()
        return Done(batch, tuple(self._answer(n) for n in batch.numbers), "scripted")

    def pids(self) -> tuple[int, ...]:
        return ()

    def close(self) -> None:
        pass

    def _answer(self, number: int) -> bytes:
        runner, cycle = self._runner, self._runner.plan(number)
        sides = [runner.run_side(cycle, side) for side in Side]
        return orjson.dumps({"report": runner.compare(cycle, *sides)})


def coordinator(
    path: Path, asked: Settings, clock: FixedClock, watcher: Watcher, move: Callable[[Batch], bool]
) -> Coordinator:
    folder = Folder(path)
    folder.take()
    folder.begin(asked)
    return Coordinator(
        asked, folder, Fleet(asked, move), observer=watcher, clock=clock, limits=Limits()
    )


def test_a_day(tmp_path: Path) -> None:
    """24 hours at five minutes a batch end after 24 hours, with what ran then at its end."""
    clock, watcher = FixedClock(), Watcher()

    def move(_: Batch) -> bool:
        clock.elapsed_s += 300
        return True

    summary = coordinator(tmp_path, settings(hours=24), clock, watcher, move).run()
    assert 24 * 3600 <= summary.run["elapsed_s"] <= 24 * 3600 + 2 * 300
    assert summary.run["ended_by"] == "target"
    assert len(watcher.reports) == summary.result["cycles"] > 288 * 16
    etas = [status.eta_s for status in watcher.statuses if status.eta_s is not None]
    assert etas[0] == 24 * 3600
    assert etas[-1] == 0
    assert etas == sorted(etas, reverse=True)


def test_a_stall_is_told_once_and_over_when_something_ends(tmp_path: Path) -> None:
    clock, watcher = FixedClock(), Watcher()

    def move(batch: Batch) -> bool:
        clock.elapsed_s += 10
        return batch.first != 16 or clock.elapsed_s > 1000

    summary = coordinator(tmp_path, settings(cycles=64), clock, watcher, move).run()
    states = [status.state for status in watcher.statuses]
    changes = [s for s, before in zip(states, [None, *states], strict=False) if s is not before]
    assert changes == [State.RUNNING, State.STALLED, State.RUNNING, State.DONE]
    assert watcher.warnings == ["no cycle has ended for 310 s"]
    assert summary.result["cycles"] == 64


def test_a_drain_does_not_wait_for_ever(tmp_path: Path) -> None:
    clock, watcher = FixedClock(), Watcher()

    def move(batch: Batch) -> bool:
        clock.elapsed_s += 10
        if batch.first == 32:
            running.stop("SIGTERM")
        return batch.first < 32

    running = coordinator(tmp_path, settings(), clock, watcher, move)
    summary = running.run()
    assert summary.result["cycles"] == 32
    assert summary.run["ended_by"] == "SIGTERM"
    assert watcher.warnings == ["2 batches did not end in time and do not count"]


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    clock, watcher = FixedClock(), Watcher()

    def move(_: Batch) -> bool:
        running.stop("SIGINT")
        clock.elapsed_s += 0.1
        return False

    running = coordinator(tmp_path, settings(), clock, watcher, move)
    summary = running.run()
    assert summary.run["elapsed_s"] < 1
    assert not summary.passed  # nothing was judged

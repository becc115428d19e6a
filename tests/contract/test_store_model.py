"""A model of the store, driven by Hypothesis against both stores: whatever the order, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.databases import fresh_database, server

from aos_workflow.checkpoint import CheckpointStore, MemoryStore, Store
from aos_workflow.checkpoint.records import (
    Commit,
    NewRun,
    RunStatus,
    StepRecord,
    StepStatus,
    Transition,
    WorkerRow,
)
from aos_workflow.errors import StoreError

WORKERS = ("w1", "w2", "zombie")
RUNS = ("a", "b", "c")


@dataclass
class Model:
    """What a run must be."""

    status: RunStatus
    version: int
    owner: str | None
    steps: list[str] = field(default_factory=list)


class StoreMachine(RuleBasedStateMachine):
    """Runs, commits, conflicts, lost leases, cancellations, forks, in any order."""

    url: ClassVar[str | None] = None
    numbers: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        StoreMachine.numbers += 1
        self.prefix = f"m{StoreMachine.numbers}-"
        self.store: Store = CheckpointStore(self.url) if self.url else MemoryStore()
        self.runs: dict[str, Model] = {}
        for worker in WORKERS:
            self.do(self.store.join(WorkerRow(self.prefix + worker)))

    def teardown(self) -> None:
        self.do(self.store.close())
        self.loop.close()

    def do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def tried(self, work: Any) -> Any:
        try:
            return self.do(work)
        except StoreError as error:
            return error

    @rule(name=st.sampled_from(RUNS), worker=st.sampled_from((None, *WORKERS)))
    def create(self, name: str, worker: str | None) -> None:
        run_id, owner = self.prefix + name, worker and self.prefix + worker
        head, is_new = self.do(
            self.store.create(NewRun(run_id, "w", "h", 1, owner=owner, queue=self.prefix))
        )
        assert is_new == (name not in self.runs)
        if is_new:
            self.runs[name] = Model(head.status, head.version, owner)

    @precondition(lambda self: self.runs)
    @rule(
        data=st.data(),
        worker=st.sampled_from(WORKERS),
        behind=st.sampled_from((0, 0, 0, 1)),
        status=st.sampled_from((RunStatus.RUNNING,) * 5 + tuple(RunStatus)),
    )
    def commit(self, data: Any, worker: str, behind: int, status: RunStatus) -> None:
        name = data.draw(st.sampled_from(sorted(self.runs)))
        run = self.runs[name]
        path = f"{len(run.steps) + 1}:s"
        step = StepRecord(
            path, len(run.steps), "s", "skill", StepStatus.COMPLETED, "s", "1", "i", "o", b"1", "h"
        )
        owner, version = self.prefix + worker, run.version - behind
        found = self.tried(
            self.store.commit(Commit(self.prefix + name, owner, version, (step,), status))
        )
        is_mine = run.status is RunStatus.RUNNING and run.owner == owner and not behind
        if isinstance(found, StoreError):
            assert not is_mine
            return
        if not is_mine:  # the very same commit again
            assert behind == 1
            assert found.version == run.version
            return
        run.version += 1
        run.status = status
        run.steps.append(path)
        if status is not RunStatus.RUNNING:
            run.owner = None
        assert found.version == run.version

    @rule(worker=st.sampled_from(WORKERS), limit=st.integers(1, 3))
    def claim(self, worker: str, limit: int) -> None:
        heads = self.do(self.store.claim(self.prefix + worker, queues=(self.prefix,), limit=limit))
        due = {name for name, run in self.runs.items() if run.status is RunStatus.QUEUED}
        claimed = {head.run_id.removeprefix(self.prefix) for head in heads}
        assert claimed <= due
        assert len(claimed) == min(limit, len(due))
        for head in heads:
            run = self.runs[head.run_id.removeprefix(self.prefix)]
            run.status, run.owner, run.version = (
                RunStatus.RUNNING,
                self.prefix + worker,
                run.version + 1,
            )
            assert head.version == run.version

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), status=st.sampled_from(tuple(RunStatus)))
    def transition(self, data: Any, status: RunStatus) -> None:
        name = data.draw(st.sampled_from(sorted(self.runs)))
        found = self.tried(
            self.store.transition(Transition(self.prefix + name, status, by="model"))
        )
        if not isinstance(found, StoreError):
            run = self.runs[name]
            run.status, run.owner, run.version = found.status, None, found.version

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), worker=st.sampled_from(WORKERS))
    def take(self, data: Any, worker: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.runs)))
        run = self.runs[name]
        found = self.tried(self.store.take(self.prefix + name, self.prefix + worker))
        others = run.status is RunStatus.RUNNING and run.owner not in (None, self.prefix + worker)
        over = run.status in (RunStatus.COMPLETED, RunStatus.CANCELLED, RunStatus.QUARANTINED)
        assert isinstance(found, StoreError) == (others or over)
        if not isinstance(found, StoreError):
            run.status, run.owner, run.version = (
                RunStatus.RUNNING,
                self.prefix + worker,
                run.version + 1,
            )

    @rule(worker=st.sampled_from(WORKERS))
    def a_worker_leaves_and_comes_back(self, worker: str) -> None:
        name = self.prefix + worker
        held = [
            run
            for run in self.runs.values()
            if run.owner == name and run.status is RunStatus.RUNNING
        ]
        assert self.do(self.store.leave(name)) == len(held)
        for run in held:
            run.status, run.owner, run.version = RunStatus.QUEUED, None, run.version + 1
        self.do(self.store.join(WorkerRow(name)))

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        name = data.draw(st.sampled_from(sorted(self.runs)))
        found = self.tried(self.store.request_cancel(self.prefix + name, by="model"))
        if not isinstance(found, StoreError):
            self.runs[name].status, self.runs[name].version = found.status, found.version

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), steps=st.integers(0, 3))
    def fork(self, data: Any, steps: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.runs)))
        new = f"{name}+{len(self.runs)}"
        made = NewRun(self.prefix + new, "w", "h", 1, queue=self.prefix)
        found = self.tried(self.store.fork(self.prefix + name, made, steps=steps))
        kept = self.runs[name].steps[:steps]
        assert isinstance(found, StoreError) == (len(kept) < steps)
        if not isinstance(found, StoreError):
            self.runs[new] = Model(RunStatus.QUEUED, found.version, None, kept)

    @invariant()
    def the_store_says_what_the_model_says(self) -> None:
        for name, run in self.runs.items():
            head = self.do(self.store.load(self.prefix + name))
            assert head is not None
            assert (head.status, head.version, head.owner) == (run.status, run.version, run.owner)
            steps = self.do(self.store.load_steps(self.prefix + name))
            assert [step.step_path for step in steps] == run.steps
            assert head.next_step_index == len(run.steps)


QUICK = settings(
    max_examples=10, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with ExitStack() as stack:
        yield stack.enter_context(fresh_database(stack.enter_context(server())))


def test_memory() -> None:
    _run(None, QUICK)


def test_postgres(database: str) -> None:
    _run(database, QUICK)


@pytest.mark.slow
def test_long(database: str) -> None:
    for url in (None, database):
        _run(url, settings(QUICK, max_examples=300, stateful_step_count=50))


def _run(url: str | None, chosen: settings) -> None:
    machine: Any = type("Machine", (StoreMachine,), {"url": url})
    case = machine.TestCase
    case.settings = chosen
    case().runTest()

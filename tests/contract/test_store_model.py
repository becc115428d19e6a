"""Both stores against each other, through sequences of calls that nobody would think of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.databases import fresh_database, server

from aos_workflow.checkpoint import CheckpointStore, MemoryStore, Store
from aos_workflow.checkpoint.records import (
    Checkpoint,
    Commit,
    Committed,
    Decision,
    NewRun,
    RunFilter,
    RunStatus,
    StepRecord,
    StepStatus,
    Transition,
    WorkerRow,
)
from aos_workflow.errors import AosError

RUNS = st.sampled_from(["a", "b", "c"])
WORKERS = st.sampled_from(["w1", "w2"])
STATUSES = st.sampled_from(list(RunStatus))
_TABLES = "workflow_runs, workflow_steps, payloads, checkpoints, cost_ledger, transitions, workers"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with server() as found, fresh_database(found) as url:
        yield url


def timeless(found: Any) -> Any:
    """A value without the moments in it, the epoch, which outlives an example, and the paths of early signals."""
    if isinstance(found, (tuple, list)):
        return [timeless(item) for item in found]
    if not isinstance(found, (Checkpoint, Committed, Decision, WorkerRow)):
        return found
    data = {field.name: getattr(found, field.name) for field in fields(found)}
    return {name: _timeless(name, value) for name, value in data.items()}


def _timeless(name: str, value: Any) -> Any:
    if name == "epoch" or (name == "step_path" and value.startswith("?")):
        return None
    return value is None if name.endswith("_at_s") else value


class Stores(RuleBasedStateMachine):
    """Every rule calls both stores alike, and they must say the same."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.memory = MemoryStore()
        self.postgres = CheckpointStore(self.url, tries=2)
        self.wait(self.postgres._fetch(f"TRUNCATE {_TABLES} CASCADE"))
        for name in ("w1", "w2"):
            self.both(lambda store, name=name: store.join(WorkerRow(name)))
        self.last: dict[str, Commit] = {}

    def teardown(self) -> None:
        self.wait(self.postgres.close())
        self.loop.close()

    def wait(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def both(self, call: Callable[[Store], Awaitable[Any]]) -> Any:
        """What both stores answer, or the kind of their refusal."""
        found = []
        for store in (self.memory, self.postgres):
            try:
                found.append(self.wait(call(store)))
            except AosError as error:
                found.append(type(error))
        assert timeless(found[0]) == timeless(found[1])
        return found[0]

    def version(self, run_id: str) -> int:
        head = self.wait(self.memory.load(run_id))
        return 0 if head is None else head.version

    @rule(
        run_id=RUNS,
        owner=WORKERS | st.none(),
        seed=st.integers(1, 2),
        key=st.sampled_from([None, None, "k"]),
        max_attempts=st.integers(1, 3),
    )
    def create(
        self, run_id: str, owner: str | None, seed: int, key: str | None, max_attempts: int
    ) -> None:
        run = NewRun(
            run_id,
            "w",
            "hash",
            seed,
            owner=owner,
            idempotency_key=key,
            max_attempts=max_attempts,
        )
        self.both(lambda store: store.create(run))

    @rule(
        run_id=RUNS,
        owner=WORKERS,
        behind=st.sampled_from([0, 0, 0, 0, 1, -1]),
        steps=st.integers(0, 2),
        failed=st.booleans(),
        status=st.sampled_from([RunStatus.RUNNING] * 5 + list(RunStatus)),
        path=st.sampled_from([None, None, None, "1:s"]),
    )
    def commit(
        self,
        run_id: str,
        owner: str,
        behind: int,
        steps: int,
        failed: bool,
        status: RunStatus,
        path: str | None,
    ) -> None:
        head = self.wait(self.memory.load(run_id))
        first = 0 if head is None else head.next_step_index
        commit = Commit(
            run_id,
            owner,
            self.version(run_id) - behind,
            tuple(a_step(first + n, failed, path if n == 0 else None) for n in range(steps)),
            status,
            f"hash-{first + steps}",
            b"1" if status is RunStatus.COMPLETED else None,
            b"{}" if status.is_final else None,
            reason=None if status is RunStatus.RUNNING else "because",
        )
        self.both(lambda store: store.commit(commit))
        self.last[run_id] = commit

    @rule(run_id=RUNS)
    def commit_again(self, run_id: str) -> None:
        """As after a lost answer."""
        if run_id in self.last:
            self.both(lambda store: store.commit(self.last[run_id]))

    @rule(owner=WORKERS)
    def claim(self, owner: str) -> None:
        self.both(lambda store: store.claim(owner))

    @rule(run_id=RUNS, owner=WORKERS)
    def take(self, run_id: str, owner: str) -> None:
        self.both(lambda store: store.take(run_id, owner))

    @rule(run_id=RUNS, status=STATUSES, exact=st.sampled_from([None, 0, 1]), reset=st.booleans())
    def transition(self, run_id: str, status: RunStatus, exact: int | None, reset: bool) -> None:
        expected = None if exact is None else self.version(run_id) + exact
        change = Transition(
            run_id, status, by="me", expected_version=expected, reset_attempts=reset
        )
        self.both(lambda store: store.transition(change))

    @rule(run_id=RUNS)
    def cancel(self, run_id: str) -> None:
        self.both(lambda store: store.request_cancel(run_id, by="me"))

    @rule(run_id=RUNS, new=RUNS, steps=st.integers(0, 3))
    def fork(self, run_id: str, new: str, steps: int) -> None:
        self.both(lambda store: store.fork(run_id, NewRun(new, "w", "hash", 1), steps=steps))

    @rule(run_id=RUNS)
    def delete(self, run_id: str) -> None:
        self.both(lambda store: store.delete(run_id, by="me"))
        self.last.pop(run_id, None)

    @rule(
        run_id=RUNS, kind=st.sampled_from(["approval", "signal"]), ordinal=st.sampled_from([1, 2])
    )
    def ask(self, run_id: str, kind: str, ordinal: int) -> None:
        self.both(lambda store: store.ask(Decision(run_id, f"{ordinal}:s", kind, "go")))

    @rule(run_id=RUNS, decision=st.sampled_from(["approved", "received"]))
    def decide(self, run_id: str, decision: str) -> None:
        self.both(lambda store: store.decide(run_id, "go", decision=decision, by="me"))

    @rule(run_id=RUNS)
    def wake(self, run_id: str) -> None:
        self.both(lambda store: store.wake(run_id))

    @rule(worker=WORKERS)
    def lose_lease(self, worker: str) -> None:
        """A worker leaves, or is forgotten as one that died; and comes back."""
        self.both(lambda store: store.leave(worker))
        self.both(lambda store: store.join(WorkerRow(worker)))

    @rule()
    def reap_everybody(self) -> None:
        self.both(lambda store: store.reap(silent_for_s=-60.0))

    @invariant()
    def the_same_is_kept(self) -> None:
        for run_id in ("a", "b", "c"):
            self.both(lambda store, run_id=run_id: store.load(run_id))
            self.both(lambda store, run_id=run_id: store.load_steps(run_id))
            self.both(lambda store, run_id=run_id: store.load_draws(run_id))

    @invariant()
    def lists_agree(self) -> None:
        def ids(heads: tuple[Checkpoint, ...]) -> list[str]:
            return sorted(head.run_id for head in heads)

        which = RunFilter(statuses=(RunStatus.RUNNING,), owner="w1")
        assert ids(self.wait(self.memory.list_runs(which))) == ids(
            self.wait(self.postgres.list_runs(which))
        )
        self.both(lambda store: store.workers())
        self.both(lambda store: store.decisions(open_only=True))


def a_step(index: int, failed: bool, path: str | None) -> StepRecord:
    return StepRecord(
        step_path=path or f"{index + 1}:s",
        step_index=index,
        step_id="s",
        kind="skill",
        status=StepStatus.FAILED if failed else StepStatus.COMPLETED,
        skill_id="s",
        skill_version="1",
        input_hash="i",
        output_hash="o",
        output_json=None if failed else b"1",
        step_hash=f"h{index}",
        error_code="E" if failed else None,
        completed_at_s=1000.0,
    )


@pytest.mark.parametrize(
    "examples", [12, pytest.param(400, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_both_stores_say_the_same(
    database: str, examples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stores, "url", database)
    run_state_machine_as_test(
        Stores,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=examples < 100,
            suppress_health_check=list(HealthCheck),
        ),
    )

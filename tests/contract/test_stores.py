"""What every checkpoint store must do. The same tests for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.databases import fresh_database, server

from aos_workflow.checkpoint import CheckpointStore, MemoryStore, Store
from aos_workflow.checkpoint.records import (
    TRANSITIONS,
    Census,
    Commit,
    Decision,
    NewRun,
    RunFilter,
    RunStatus,
    SkillRow,
    SpecRow,
    StepRecord,
    StepStatus,
    Transition,
    WorkerRow,
)
from aos_workflow.errors import (
    CheckpointVersionConflictError,
    PayloadTooLargeError,
    RunConflictError,
    RunLeasedError,
    RunNotFoundError,
    RunStateError,
    SkillNotFoundError,
)

LIMIT = 1000


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with server() as found, fresh_database(found) as url:
        yield url


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest, database: str) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore(max_payload_bytes=LIMIT)
        return
    found = CheckpointStore(database, max_payload_bytes=LIMIT)
    await found.open()
    await empty(found)
    yield found
    await found.close()


async def empty(store: CheckpointStore) -> None:
    tables = (
        "workflow_runs, workflow_steps, payloads, checkpoints, workflow_specs, cost_ledger, transitions, workers, "
        "skill_registry"
    )
    await store._fetch(f"TRUNCATE {tables} CASCADE")
    await store._fetch("UPDATE controls SET stopped = false, stop_reason = NULL")


def a_run(run_id: str = "r", **changes: Any) -> NewRun:
    return replace(NewRun(run_id, "w", "hash", 7, b'{"b":2,"a":1}'), **changes)


def a_step(index: int, **changes: Any) -> StepRecord:
    path = changes.pop("path", f"{index + 1}:s")
    return replace(
        StepRecord(
            step_path=path,
            step_index=index,
            step_id="s",
            kind="skill",
            status=StepStatus.COMPLETED,
            skill_id="s",
            skill_version="1",
            input_hash="i",
            output_hash="o",
            output_json=b'{"z":1.0,"a":"\\u0000"}',
            step_hash=f"h{index}",
            cost_cents=0.25,
            draws_json=b'{"2:now":"2026"}',
            completed_at_s=1000.5,
        ),
        **changes,
    )


async def taken(store: Store, run_id: str = "r", owner: str = "w1", **changes: Any) -> Any:
    await store.join(WorkerRow(owner))
    head, is_new = await store.create(a_run(run_id, owner=owner, **changes))
    assert is_new
    return head


# runs


async def test_a_new_run_is_queued_and_comes_back_as_it_was(store: Store) -> None:
    run = a_run(
        labels={"team": "a"},
        queue="slow",
        priority=3,
        budget_cents=12.5,
        parent_run_id="p",
        parent_step_path="1:c",
        target_resource="ns/x",
    )
    head, is_new = await store.create(run)
    loaded = await store.load("r")
    assert is_new
    assert loaded == head
    for name in ("run_id", "workflow_id", "spec_hash", "seed", "input_json", "labels", "queue"):
        assert getattr(head, name) == getattr(run, name)
    assert (head.status, head.version, head.next_step_index) == (RunStatus.QUEUED, 0, 0)
    assert (head.budget_cents, head.priority, head.target_resource) == (12.5, 3, "ns/x")
    assert head.owner is None


async def test_a_run_with_an_owner_is_running_at_once(store: Store) -> None:
    head = await taken(store)
    assert (head.status, head.owner, head.attempts) == (RunStatus.RUNNING, "w1", 1)
    assert await store.claim("w2") == ()


async def test_an_unknown_run_is_none(store: Store) -> None:
    assert await store.load("nope") is None
    assert await store.load_steps("nope") == ()
    assert not await store.delete("nope", by="me")


async def test_creating_is_idempotent_and_another_run_is_refused(store: Store) -> None:
    first, _ = await store.create(a_run())
    again, is_new = await store.create(a_run())
    assert (again, is_new) == (first, False)
    for change in ({"seed": 8}, {"input_json": b"[]"}, {"workflow_id": "x"}):
        with pytest.raises(RunConflictError, match="exists already"):
            await store.create(a_run(**change))


async def test_of_another_tenants_run_nothing_is_said_but_that_its_id_cannot_be_used(
    store: Store,
) -> None:
    await store.create(a_run("one", tenant_id="acme", idempotency_key="k"))
    for change in ({}, {"seed": 8}, {"workflow_id": "x"}, {"idempotency_key": "k"}):
        with pytest.raises(RunConflictError) as caught:
            await store.create(a_run("one", tenant_id="other", **change))
        assert caught.value.message == "run id 'one' cannot be used for tenant 'other'"
        assert caught.value.hint == "choose another id"


async def test_an_idempotency_key_finds_the_run_whatever_its_id(store: Store) -> None:
    first, _ = await store.create(a_run("one", idempotency_key="k"))
    again, is_new = await store.create(a_run("two", idempotency_key="k", seed=9))
    assert (again.run_id, is_new) == ("one", False)
    with pytest.raises(RunConflictError, match="idempotency key 'k'"):
        await store.create(a_run("three", idempotency_key="k", input_json=b"1"))
    other, is_new = await store.create(a_run("four", idempotency_key="k", tenant_id="t"))
    assert is_new
    assert first.run_id != other.run_id


async def test_a_payload_beyond_the_limit_is_refused_and_nothing_written(store: Store) -> None:
    fits, beyond = b'"' + b"x" * (LIMIT - 2) + b'"', b'"' + b"x" * (LIMIT - 1) + b'"'
    with pytest.raises(PayloadTooLargeError, match=r"1,001 bytes; the limit is 1,000"):
        await store.create(a_run(input_json=beyond))
    assert await store.load("r") is None
    await taken(store, input_json=fits)
    with pytest.raises(PayloadTooLargeError, match="1:s"):
        await store.commit(Commit("r", "w1", 0, (a_step(0, output_json=beyond),)))
    assert (await store.load("r")).version == 0  # type: ignore[union-attr]
    await store.commit(Commit("r", "w1", 0, (a_step(0, output_json=fits),)))


async def test_specs(store: Store) -> None:
    one = SpecRow("h1", "w", "1", b'{"b": 1.0, "a": 2}')
    two = SpecRow("h2", "w", "2", b"{}")
    for spec in (one, two, one):
        await store.save_spec(spec)
    assert await store.load_spec("h1") == one
    assert await store.newest_spec("w") == two
    assert await store.load_spec("h3") is await store.newest_spec("x") is None


# commits


async def test_a_commit_moves_the_head_and_keeps_the_step_byte_for_byte(store: Store) -> None:
    await taken(store)
    done = await store.commit(Commit("r", "w1", 0, (a_step(0), a_step(1)), result_hash="h1"))
    head = await store.load("r")
    assert head is not None
    assert (done.version, done.cancel_requested) == (1, False)
    assert (head.version, head.next_step_index, head.last_result_hash) == (1, 2, "h1")
    assert head.status is RunStatus.RUNNING
    assert await store.load_steps("r") == (a_step(0), a_step(1))
    assert head.step_outputs == {"1:s": {"z": 1.0, "a": "\x00"}, "2:s": {"z": 1.0, "a": "\x00"}}


@pytest.mark.parametrize("changes", [{"expected_version": 1}, {"owner": "w2"}, {"run_id": "other"}])
async def test_a_commit_of_somebody_else_changes_nothing(
    store: Store, changes: dict[str, Any]
) -> None:
    await taken(store)
    before = await store.load("r")
    with pytest.raises(CheckpointVersionConflictError, match="CheckpointVersionConflictError"):
        await store.commit(replace(Commit("r", "w1", 0, (a_step(0),)), **changes))
    assert await store.load("r") == before
    assert await store.load_steps("r") == ()


async def test_a_commit_that_is_sent_again_counts_once(store: Store) -> None:
    await taken(store)
    commit = Commit("r", "w1", 0, (a_step(0),), result_hash="h0")
    first = await store.commit(commit)
    assert await store.commit(commit) == first
    assert len(await store.load_steps("r")) == 1
    with pytest.raises(CheckpointVersionConflictError):
        await store.commit(replace(commit, result_hash="other"))
    await store.commit(Commit("r", "w1", 1, (a_step(1),), result_hash="h1"))
    with pytest.raises(CheckpointVersionConflictError):
        await store.commit(commit)


async def test_what_was_drawn_before_a_run_was_given_up_stays_until_it_is_again(
    store: Store,
) -> None:
    await taken(store)
    drawn = b'{"1:now":"x"}'
    await store.commit(Commit("r", "w1", 0, (), RunStatus.SUSPENDED, draws_json=drawn))
    head = await store.take("r", "w1")
    assert await store.load_draws("r") == drawn
    await store.commit(Commit("r", "w1", head.version, (a_step(0),)))
    paid = (a_step(1, status=StepStatus.FAILED), a_step(2))
    await store.commit(Commit("r", "w1", head.version + 1, paid))
    assert await store.load_draws("r") == drawn
    await store.commit(Commit("r", "w1", head.version + 2, (), RunStatus.QUEUED))
    assert await store.load_draws("r") is None


async def test_the_last_commit_ends_the_run(store: Store) -> None:
    await taken(store)
    end = Commit(
        "r", "w1", 0, (a_step(0),), RunStatus.COMPLETED, "whole", b'{"n":1}', b'{"9:now":"x"}'
    )
    await store.commit(end)
    head = await store.load("r")
    assert head is not None
    assert (head.status, head.output_json, head.owner) == (RunStatus.COMPLETED, b'{"n":1}', None)
    assert head.completed_at_s is not None
    assert await store.load_draws("r") == b'{"9:now":"x"}'
    assert await store.commit(end) is not None  # its acknowledgement was lost
    with pytest.raises(CheckpointVersionConflictError):
        await store.commit(Commit("r", "w1", 1, (a_step(1),)))


async def test_a_failed_step_may_be_done_again_and_a_completed_one_stays(store: Store) -> None:
    await taken(store)
    failed = a_step(
        0, status=StepStatus.FAILED, output_json=None, error_code="E", error_message="m\x00"
    )
    await store.commit(Commit("r", "w1", 0, (failed, a_step(1))))
    await store.commit(Commit("r", "w1", 1, (a_step(2, path="1:s", attempt=2),)))
    steps = await store.load_steps("r")
    assert [(step.step_path, step.status, step.attempt) for step in steps] == [
        ("2:s", StepStatus.COMPLETED, 1),
        ("1:s", StepStatus.COMPLETED, 2),
    ]


async def test_many_runs_commit_at_the_same_time_and_a_conflict_hurts_only_itself(
    store: Store,
) -> None:
    for number in range(30):
        await taken(store, f"r{number}")

    async def one(number: int) -> str:
        for index in range(3):
            version = index if number % 10 else index + 5
            try:
                await store.commit(Commit(f"r{number}", "w1", version, (a_step(index),)))
            except CheckpointVersionConflictError:
                return "conflict"
        return "done"

    found = await asyncio.gather(*(one(number) for number in range(30)))
    assert found.count("conflict") == 3
    for number in range(30):
        assert len(await store.load_steps(f"r{number}")) == (3 if number % 10 else 0)


async def test_a_step_that_is_done_is_not_done_again(store: Store) -> None:
    await taken(store)
    await store.commit(Commit("r", "w1", 0, (a_step(0),)))
    with pytest.raises(CheckpointVersionConflictError):
        await store.commit(Commit("r", "w1", 1, (a_step(1), a_step(2, path="1:s"))))
    assert await store.load_steps("r") == (a_step(0),)
    assert (await store.load("r")).version == 1  # type: ignore[union-attr]


async def test_texts_that_no_database_takes_are_kept_readable(store: Store) -> None:
    await taken(store)
    failed = a_step(0, status=StepStatus.FAILED, error_code="E", error_message="a\x00b\udc80")
    await store.commit(Commit("r", "w1", 0, (failed,)))
    end = Commit("r", "w1", 1, (), RunStatus.SUSPENDED, reason="\x00why\udcff é")
    await store.commit(end)
    (step,) = await store.load_steps("r")
    head = await store.load("r")
    assert head is not None
    assert "b" in (step.error_message or "")
    assert "why" in (head.reason or "")
    assert "é" in (head.reason or "")


async def test_attempts_count_only_those_without_progress(store: Store) -> None:
    await store.create(a_run(max_attempts=2))
    for index in range(4):
        (head,) = await store.claim("gone")
        await store.commit(Commit("r", "gone", head.version, (a_step(index),)))
        await store.reap()
    for _ in range(4):
        (head,) = await store.claim("w1")
        await store.commit(Commit("r", "w1", head.version, (), RunStatus.QUEUED, reason="parked"))
    await store.join(WorkerRow("w1"))
    for _ in range(4):
        await store.claim("w1")
        await store.leave("w1")
    head = (await store.claim("w1"))[0]
    assert (head.status, head.attempts) == (RunStatus.RUNNING, 1)


# taking runs


async def test_claiming_goes_by_priority_and_time_and_gives_a_run_once(store: Store) -> None:
    await store.join(WorkerRow("w1"))
    for number, priority in enumerate((5, 1, 5)):
        await store.create(a_run(f"r{number}", priority=priority))
    await store.create(a_run("later", delay_s=60))
    await store.create(a_run("elsewhere", queue="other"))
    claimed = [*await store.claim("w1", limit=2), *await store.claim("w1", limit=5)]
    assert [head.run_id for head in claimed] == ["r1", "r0", "r2"]
    assert {(head.status, head.owner, head.attempts) for head in claimed} == {(RunStatus.RUNNING, "w1", 1)}  # fmt: skip
    assert [head.run_id for head in await store.claim("w1", queues=("other",))] == ["elsewhere"]


async def test_many_who_claim_at_once_never_get_the_same(store: Store) -> None:
    for number in range(60):
        await store.create(a_run(f"r{number}"))

    async def all_of(owner: str) -> list[str]:
        found: list[str] = []
        while heads := await store.claim(owner, limit=3):
            found += [head.run_id for head in heads]
        return found

    claimed = await asyncio.gather(*(all_of(f"w{number}") for number in range(6)))
    assert sorted(name for names in claimed for name in names) == sorted(
        f"r{number}" for number in range(60)
    )


async def test_taking_a_run(store: Store) -> None:
    await store.create(a_run())
    await store.join(WorkerRow("w1"))
    first = await store.take("r", "w1")
    assert (first.status, first.owner, first.version) == (RunStatus.RUNNING, "w1", 1)
    with pytest.raises(RunLeasedError, match="w1"):
        await store.take("r", "w2")
    again = await store.take("r", "w1")
    assert again.version == 2
    with pytest.raises(RunNotFoundError):
        await store.take("nope", "w1")
    await store.commit(Commit("r", "w1", 2, (), RunStatus.COMPLETED))
    with pytest.raises(RunStateError, match="completed"):
        await store.take("r", "w1")


async def test_a_run_of_an_unknown_worker_may_be_taken_and_its_zombie_is_fenced(
    store: Store,
) -> None:
    await store.create(a_run(owner="zombie"))
    head = await store.take("r", "w1")
    with pytest.raises(CheckpointVersionConflictError):
        await store.commit(Commit("r", "zombie", 0, (a_step(0),)))
    await store.commit(Commit("r", "w1", head.version, (a_step(0),)))


async def test_two_zombies_change_nothing(store: Store) -> None:
    await store.create(a_run(owner="z1"))
    second = await store.take("r", "z2")
    third = await store.take("r", "w1")
    for owner, version in (
        ("z1", 0),
        ("z2", second.version),
        ("z1", third.version),
        ("z2", third.version),
    ):
        with pytest.raises(CheckpointVersionConflictError):
            await store.commit(Commit("r", owner, version, (a_step(0),)))
    done = await store.commit(Commit("r", "w1", third.version, (a_step(0),)))
    assert done.version == third.version + 1


async def test_a_run_that_is_parked_is_due_after_its_delay(store: Store) -> None:
    await taken(store)
    await store.commit(Commit("r", "w1", 0, (), RunStatus.QUEUED, reason="sleeps", delay_s=60))
    head = await store.load("r")
    assert head is not None
    assert head.reason == "sleeps"
    assert 59 < head.available_at_s - head.updated_at_s < 61
    assert await store.claim("w1") == ()


# transitions


@pytest.mark.parametrize("old", list(RunStatus))
async def test_only_the_listed_transitions_are_allowed(store: Store, old: RunStatus) -> None:
    for new in RunStatus:
        run_id = f"r-{new}"
        head = await taken(store, run_id)
        if old is RunStatus.QUEUED:
            await store.commit(Commit(run_id, "w1", 0, (), RunStatus.QUEUED, delay_s=99))
        elif old is not RunStatus.RUNNING:
            await store.commit(Commit(run_id, "w1", 0, (), old))
        change = Transition(run_id, new, by="me", reason="because", error_code="E")
        if new in TRANSITIONS[old] and new is not RunStatus.RUNNING:  # only a worker runs it
            changed = await store.transition(change)
            assert (changed.status, changed.reason, changed.owner) == (new, "because", None)
            assert changed.version > head.version
        else:
            with pytest.raises(
                RunStateError, match=f"is {old.value} and cannot become {new.value}"
            ):
                await store.transition(change)


async def test_a_transition_may_name_the_version_that_it_is_about(store: Store) -> None:
    await taken(store)
    with pytest.raises(CheckpointVersionConflictError):
        await store.transition(Transition("r", RunStatus.FAILED, by="me", expected_version=3))
    await store.transition(Transition("r", RunStatus.FAILED, by="me", expected_version=0))
    with pytest.raises(CheckpointVersionConflictError):
        await store.commit(Commit("r", "w1", 0, (a_step(0),)))
    with pytest.raises(RunNotFoundError):
        await store.transition(Transition("nope", RunStatus.FAILED, by="me"))


async def test_a_transition_may_give_a_run_another_ceiling(store: Store) -> None:
    await taken(store)
    assert (await store.load("r")).budget_cents is None  # type: ignore[union-attr]
    for change, kept in ((75.5, 75.5), (None, 75.5), (0.0, 0.0)):
        await store.transition(Transition("r", RunStatus.FAILED, by="me"))
        head = await store.transition(
            Transition("r", RunStatus.QUEUED, by="me", budget_cents=change)
        )
        assert head.budget_cents == kept
        (claimed,) = await store.claim("w1")
        assert claimed.budget_cents == kept


async def test_cancelling(store: Store) -> None:
    await taken(store, "running")
    asked = await store.request_cancel("running", by="me")
    assert (asked.status, asked.cancel_requested, asked.version) == (RunStatus.RUNNING, True, 0)
    assert (await store.commit(Commit("running", "w1", 0, (a_step(0),)))).cancel_requested
    await store.create(a_run("queued"))
    gone = await store.request_cancel("queued", by="me")
    assert (gone.status, gone.error_code) == (RunStatus.CANCELLED, "RUN_CANCELLED")
    with pytest.raises(RunStateError):
        await store.request_cancel("queued", by="me")
    with pytest.raises(RunNotFoundError):
        await store.request_cancel("nope", by="me")


async def test_a_fork_has_the_first_steps_of_another_run(store: Store) -> None:
    await taken(store)
    await store.commit(Commit("r", "w1", 0, tuple(a_step(index) for index in range(3))))
    head = await store.fork("r", a_run("f"), steps=2)
    assert (head.status, head.mode, head.next_step_index) == (RunStatus.QUEUED, "fork", 2)
    assert (head.forked_from_run_id, head.forked_from_step) == ("r", 2)
    assert await store.load_steps("f") == (a_step(0), a_step(1))
    with pytest.raises(RunStateError, match="3 committed steps"):
        await store.fork("r", a_run("g"), steps=4)
    with pytest.raises(RunConflictError):
        await store.fork("r", a_run("f"), steps=1)
    with pytest.raises(RunNotFoundError):
        await store.fork("nope", a_run("h"), steps=0)
    assert await store.load("g") is None


async def test_deleting(store: Store) -> None:
    await taken(store)
    await store.commit(Commit("r", "w1", 0, (a_step(0),)))
    with pytest.raises(RunLeasedError):
        await store.delete("r", by="me")
    await store.commit(Commit("r", "w1", 1, (), RunStatus.FAILED))
    assert await store.delete("r", by="me")
    assert await store.load("r") is None
    assert await store.load_steps("r") == ()


async def test_listing(store: Store) -> None:
    for number in range(5):
        await store.create(a_run(f"r{number}", tenant_id="a" if number % 2 else "b"))
    await store.request_cancel("r3", by="me")
    everything = await store.list_runs(RunFilter())
    assert everything[0].run_id == "r3"
    assert len(everything) == 5
    queued = await store.list_runs(RunFilter(statuses=(RunStatus.QUEUED,), tenant_id="a"))
    assert [head.run_id for head in queued] == ["r1"]
    first = await store.list_runs(RunFilter(limit=2))
    rest = await store.list_runs(RunFilter(before=(first[-1].updated_at_s, first[-1].run_id)))
    assert [*first, *rest] == list(everything)
    old = RunFilter(updated_before_s=everything[0].updated_at_s - 3600)
    assert await store.list_runs(old) == ()


# asking people


async def suspended(store: Store, run_id: str = "r") -> None:
    await taken(store, run_id)
    await store.ask(Decision(run_id, "1:ok", "approval", "ok", b'{"n":1}'))
    await store.commit(Commit(run_id, "w1", 0, (), RunStatus.SUSPENDED, reason="approval"))


async def test_an_answer_queues_the_run(store: Store) -> None:
    await suspended(store)
    (question,) = await store.decisions(open_only=True)
    assert (question.run_id, question.name, question.request_json) == ("r", "ok", b'{"n":1}')
    answer = await store.decide("r", "ok", decision="approved", by="ann", payload_json=b"5")
    assert (answer.decision, answer.payload_json, answer.decided_by) == ("approved", b"5", "ann")
    assert (await store.load("r")).status is RunStatus.QUEUED  # type: ignore[union-attr]
    assert await store.decisions(open_only=True) == ()
    asked = await store.ask(Decision("r", "1:ok", "approval", "ok"))
    assert asked.decision == "approved"
    with pytest.raises(RunStateError, match="does not wait for 'ok'"):
        await store.decide("r", "ok", decision="approved", by="ann")


async def test_an_answer_just_before_the_run_is_suspended_wakes_it(store: Store) -> None:
    await taken(store)
    await store.ask(Decision("r", "1:ok", "approval", "ok"))
    await store.decide("r", "ok", decision="approved", by="ann")
    await store.commit(Commit("r", "w1", 0, (), RunStatus.SUSPENDED))
    assert await store.wake("r")
    assert (await store.load("r")).status is RunStatus.QUEUED  # type: ignore[union-attr]
    assert not await store.wake("r")


async def test_an_answer_that_is_used_does_not_wake_again(store: Store) -> None:
    await taken(store)
    await store.ask(Decision("r", "1:ok", "approval", "ok"))
    await store.decide("r", "ok", decision="approved", by="ann")
    await store.commit(Commit("r", "w1", 0, (a_step(0, path="1:ok"),), RunStatus.SUSPENDED))
    assert not await store.wake("r")


async def test_a_signal_for_nobody_wakes_nobody(store: Store) -> None:
    await suspended(store)
    await store.decide("r", "other", decision="received", by="x")
    assert not await store.wake("r")
    assert await store.reap() == ()
    assert (await store.load("r")).status is RunStatus.SUSPENDED  # type: ignore[union-attr]


async def test_reaping_wakes_who_was_left_asleep(store: Store) -> None:
    for run_id in ("answered", "expired", "waiting"):
        await taken(store, run_id)
        limit = 0.01 if run_id == "expired" else None
        await store.ask(Decision(run_id, "1:ok", "approval", "ok"), expires_in_s=limit)
    await store.decide("answered", "ok", decision="approved", by="ann")
    for run_id in (
        "answered",
        "expired",
        "waiting",
    ):  # and their worker died before it could wake them
        await store.commit(Commit(run_id, "w1", 0, (), RunStatus.SUSPENDED))
    await asyncio.sleep(0.03)
    assert await store.reap() == ("answered", "expired")
    assert (await store.load("waiting")).status is RunStatus.SUSPENDED  # type: ignore[union-attr]


async def test_the_same_question_is_put_once(store: Store) -> None:
    await taken(store)
    question = Decision("r", "1:ok", "approval", "ok", b'{"n":1}')
    first = await store.ask(question, expires_in_s=60)
    assert await store.ask(replace(question, request_json=b"2"), expires_in_s=1) == first
    assert await store.decisions() == (first,)


async def test_a_signal_may_come_before_it_is_waited_for(store: Store) -> None:
    await taken(store)
    await store.decide("r", "go", decision="received", by="x", payload_json=b"1")
    await store.decide("r", "go", decision="received", by="x", payload_json=b"2")
    for path, payload in (("1:go", b"1"), ("2:go", b"2")):
        found = await store.ask(Decision("r", path, "signal", "go"))
        assert (found.decision, found.payload_json, found.step_path) == ("received", payload, path)
    assert (await store.ask(Decision("r", "3:go", "signal", "go"))).decision is None


async def test_a_question_expires(store: Store) -> None:
    await taken(store)
    question = Decision("r", "1:ok", "approval", "ok")
    assert (await store.ask(question, expires_in_s=0.02)).decision is None
    await asyncio.sleep(0.05)
    with pytest.raises(RunStateError):
        await store.decide("r", "ok", decision="approved", by="ann")
    assert (await store.ask(question)).decision == "expired"


async def test_questions_of_runs_that_are_not_there(store: Store) -> None:
    with pytest.raises(RunNotFoundError):
        await store.ask(Decision("nope", "1:ok", "approval", "ok"))
    with pytest.raises(RunNotFoundError):
        await store.decide("nope", "ok", decision="approved", by="ann")


# workers


async def test_workers_come_beat_and_go(store: Store) -> None:
    await store.join(WorkerRow("w1", ("a", "b"), meta_json=b'{"host": "x"}'))
    assert await store.beat("w1", status="draining")
    assert not await store.beat("w2")
    await store.create(a_run(owner="w1"))
    (worker,) = await store.workers()
    assert (worker.worker_id, worker.queues) == ("w1", ("a", "b"))
    assert (worker.status, worker.running) == ("draining", 1)
    assert await store.leave("w1") == 1
    assert await store.workers() == ()
    head = await store.load("r")
    assert head is not None
    assert (head.status, head.owner) == (RunStatus.QUEUED, None)


async def test_the_runs_of_dead_workers_are_queued_again(store: Store) -> None:
    await store.join(WorkerRow("alive"))
    await store.create(a_run("kept", owner="alive"))
    await store.create(a_run("orphan", owner="gone"))
    assert await store.reap(silent_for_s=60) == ("orphan",)
    assert await store.reap(silent_for_s=60) == ()
    await asyncio.sleep(0.02)
    assert await store.reap(silent_for_s=0.01) == ("kept",)
    with pytest.raises(CheckpointVersionConflictError):
        await store.commit(Commit("kept", "alive", 0, (a_step(0),)))


async def test_a_run_that_no_worker_survives_fails(store: Store) -> None:
    await store.create(a_run(max_attempts=2))
    for _ in range(2):
        await store.claim("gone")
        await store.reap()
    head = await store.load("r")
    assert head is not None
    assert (head.status, head.error_code) == (RunStatus.FAILED, "WORKER_LOST")
    assert "2 times" in (head.error_message or "")


async def test_reaping_goes_in_portions(store: Store) -> None:
    for number in range(5):
        await store.create(a_run(f"r{number}", owner="gone"))
    found = [len(await store.reap(limit=2)) for _ in range(4)]
    assert found == [2, 2, 1, 0]


# operators


async def test_the_epoch_goes_up_with_every_change_and_commits_tell(store: Store) -> None:
    await taken(store)
    before = (await store.controls()).epoch
    stopped = await store.set_stop(True, by="me", reason="incident")
    assert (stopped.stopped, stopped.stop_reason) == (True, "incident")
    assert stopped.epoch > before
    done = await store.commit(Commit("r", "w1", 0, (a_step(0),)))
    assert done.epoch == stopped.epoch
    free = await store.set_stop(False, by="me")
    assert (free.stopped, free.stop_reason) == (False, None)
    assert (await store.load("r")).epoch == free.epoch  # type: ignore[union-attr]


async def test_skills_are_registered_and_switched(store: Store) -> None:
    rows = [SkillRow("a", "1", "none"), SkillRow("a", "2", "writes"), SkillRow("b", "1")]
    await store.register_skills(rows)
    before = (await store.controls()).epoch
    assert await store.set_skill("a", enabled=False, by="me", reason="INC-1") == 2
    controls = await store.controls()
    assert controls.disabled_skills == {("a", "1"): "INC-1", ("a", "2"): "INC-1"}
    assert controls.epoch > before
    await store.register_skills(rows)  # as a worker does when it starts
    assert [row.enabled for row in await store.skills()] == [False, False, True]
    assert await store.set_skill("a", enabled=True, by="me", version="1") == 1
    assert (await store.controls()).disabled_skills == {("a", "2"): "INC-1"}


async def test_an_unregistered_skill_is_switched_off_only_when_that_is_meant(store: Store) -> None:
    await store.register_skills([SkillRow("bomb", "1"), SkillRow("bomb", "2")])
    with pytest.raises(SkillNotFoundError, match="did you mean 'bomb'") as refused:
        await store.set_skill("bom", enabled=False, by="me", reason="x")
    assert "--unregistered" in str(refused.value.hint)
    with pytest.raises(SkillNotFoundError, match=r"no version '3' .* known: 1, 2"):
        await store.set_skill("bomb", enabled=False, by="me", reason="x", version="3")
    for unregistered in (False, True):
        with pytest.raises(SkillNotFoundError, match="no worker has registered") as refused:
            await store.set_skill("never", enabled=True, by="me", unregistered=unregistered)
        assert "--unregistered" not in str(refused.value.hint)
    assert [row.skill_id for row in await store.skills()] == ["bomb", "bomb"]
    assert await store.set_skill("new", enabled=False, by="me", reason="x", unregistered=True) == 1
    assert (await store.controls()).disabled_skills == {("new", None): "x"}
    assert await store.set_skill("new", enabled=True, by="me") == 1
    for _ in range(2):
        done = store.set_skill("bomb", enabled=False, by="me", reason="y", unregistered=True)
        assert await done == 3
    await store.register_skills([SkillRow("bomb", "3")])
    assert (await store.controls()).disabled_skills["bomb", None] == "y"
    assert await store.set_skill("bomb", enabled=True, by="me") == 4
    assert not (await store.controls()).disabled_skills


# statistics


async def _ended(store: Store, run_id: str, status: RunStatus, *cents: float) -> None:
    """A run that took its steps and is over."""
    head = await taken(store, run_id)
    steps = tuple(
        a_step(index, cost_cents=each, output_json=b"1") for index, each in enumerate(cents)
    )
    await store.commit(Commit(run_id, "w1", head.version, steps, status=status))


async def test_statistics_count_runs_by_state_and_add_up_what_they_cost(store: Store) -> None:
    await _ended(store, "a", RunStatus.COMPLETED, 1.5, 0.25)
    await _ended(store, "b", RunStatus.COMPLETED)
    await _ended(store, "c", RunStatus.FAILED, 2)
    await _ended(store, "d", RunStatus.SUSPENDED, 0.125)
    await store.create(a_run("e"))
    await store.create(a_run("other", workflow_id="other"))
    found = await store.statistics("w")
    assert found.counts == {
        RunStatus.COMPLETED: 2,
        RunStatus.FAILED: 1,
        RunStatus.SUSPENDED: 1,
        RunStatus.QUEUED: 1,
    }
    assert (found.runs, found.success, found.cost_cents) == (5, pytest.approx(2 / 3), 3.875)
    assert found.p50_s is not None
    assert 0 <= found.p50_s <= found.p95_s <= found.p99_s < 60  # type: ignore[operator]


async def test_statistics_of_no_runs(store: Store) -> None:
    await store.create(a_run())
    found = await store.statistics("nobody's")
    assert (found.runs, found.success, found.p50_s, found.cost_cents) == (0, None, None, 0)
    head = await store.load("r")
    assert head is not None
    assert (await store.statistics("w")).success is None
    assert (await store.statistics("w", since_s=head.created_at_s - 1)).runs == 1
    assert (await store.statistics("w", since_s=head.created_at_s + 1)).runs == 0


async def test_what_a_failed_try_cost_counts_after_the_retry(store: Store) -> None:
    head = await taken(store)
    failed = a_step(0, status=StepStatus.FAILED, cost_cents=3, output_json=None)
    await store.commit(Commit("r", "w1", head.version, (failed,), status=RunStatus.FAILED))
    again = await store.take("r", "w1")
    done = a_step(1, path="1:s", cost_cents=4, output_json=b"1")
    await store.commit(Commit("r", "w1", again.version, (done,), status=RunStatus.COMPLETED))
    assert (await store.statistics("w")).cost_cents == 7


async def test_a_head_and_steps_in_portions(store: Store) -> None:
    assert await store.load_head("nope") is None
    head = await taken(store)
    steps = tuple(a_step(index) for index in range(5))
    await store.commit(Commit("r", "w1", head.version, steps))
    found = await store.load_head("r")
    assert found is not None
    assert (found.next_step_index, found.step_outputs) == (5, {})
    assert await store.load_steps("r", after=1, limit=2) == steps[2:4]
    assert await store.load_steps("r", after=4) == ()
    assert await store.load_steps("r", limit=1) == steps[:1]


async def test_questions_of_one_tenant(store: Store) -> None:
    for tenant in ("a", "b"):
        await store.create(a_run(f"r-{tenant}", tenant_id=tenant))
        await store.ask(Decision(f"r-{tenant}", "1", "approval", "go"))
    (found,) = await store.decisions(tenant_id="b")
    assert found.run_id == "r-b"
    assert await store.decisions(tenant_id="c") == ()
    assert len(await store.decisions()) == 2


async def test_a_census_of_what_is_not_over(store: Store) -> None:
    assert await store.census() == Census({}, {}, (), 0)
    for number in range(3):
        await store.create(a_run(f"due{number}", queue="default" if number else "other"))
    await store.create(a_run("later", delay_s=1000))
    first = await taken(store, "r1", owner="w1")
    await taken(store, "r2", owner="w1")
    done = await taken(store, "r3", owner="w1")
    await store.commit(Commit("r3", "w1", done.version, (), RunStatus.COMPLETED))
    await store.commit(Commit("r1", "w1", first.version, (a_step(0),)))
    await suspended(store, "s")
    found = await store.census(stale=1)
    assert found.live == {RunStatus.QUEUED: 4, RunStatus.RUNNING: 2, RunStatus.SUSPENDED: 1}
    assert {queue: due.runs for queue, due in found.due.items()} == {"default": 2, "other": 1}
    assert all(0 <= due.oldest_s < 60 for due in found.due.values())
    ((run_id, workflow_id, stale_s),) = found.stale
    assert (run_id, workflow_id) == ("r2", "w")
    assert 0 <= stale_s < 60
    assert found.questions == 1

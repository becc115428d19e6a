"""What a commit on PostgreSQL costs and survives: one round trip, small heads, lost answers, locks, a killed server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.databases import fresh_database, server
from tests.postgres_proxy import Proxy
from tests.stack_homes import open_folder

from aos_workflow.checkpoint import CheckpointStore
from aos_workflow.checkpoint.records import (
    Commit,
    Committed,
    Decision,
    NewRun,
    RunStatus,
    StepRecord,
    StepStatus,
    Transition,
    WorkerRow,
)
from aos_workflow.errors import (
    CheckpointVersionConflictError,
    StoreUnavailableError,
    UsageError,
)
from aos_workflow.stack import PostgresServer, Stack

LIMIT_S = 20.0


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with server() as found:
        yield found


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture
async def proxy(database: str) -> AsyncIterator[Proxy]:
    async with Proxy(database) as found:
        yield found


@pytest.fixture
async def store(proxy: Proxy) -> AsyncIterator[CheckpointStore]:
    async with CheckpointStore(proxy.url) as found:
        await found._fetch(
            "TRUNCATE aos.workflow_runs, aos.workflow_steps, aos.checkpoints, aos.payloads, aos.cost_ledger, "
            "aos.transitions, aos.workers CASCADE"
        )
        yield found


def a_step(index: int, output: bytes = b'{"n":1}', **changes: Any) -> StepRecord:
    values: dict[str, Any] = {
        "step_path": f"{index + 1}:s",
        "step_index": index,
        "step_id": "s",
        "kind": "skill",
        "status": StepStatus.COMPLETED,
        "skill_id": "s",
        "skill_version": "1",
        "input_hash": "i",
        "output_hash": "o",
        "output_json": output,
        "step_hash": f"h{index}",
        "cost_cents": 1.5,
        "completed_at_s": 1000.0,
    }
    return StepRecord(**values | changes)


async def started(store: CheckpointStore, *runs: str) -> None:
    for run_id in runs:
        await store.create(NewRun(run_id, "w", "hash", 1, owner="w1"))


async def value(url: str, statement: str, *arguments: Any) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement, *arguments)
    finally:
        await connection.close()


# cost


async def test_a_step_is_one_round_trip(store: CheckpointStore, proxy: Proxy) -> None:
    await started(store, "r")
    await store.commit(Commit("r", "w1", 0, (a_step(0),)))  # connects, and prepares the statement
    before, connections = proxy.round_trips, proxy.connections
    for index in range(1, 21):
        await store.commit(Commit("r", "w1", index, (a_step(index),)))
    assert proxy.round_trips - before == 20
    assert proxy.connections == connections


async def test_steps_of_runs_at_the_same_time_share_round_trips(
    store: CheckpointStore, proxy: Proxy
) -> None:
    names = [f"r{number}" for number in range(40)]
    await started(store, *names)
    await asyncio.gather(*(store.commit(Commit(name, "w1", 0, (a_step(0),))) for name in names))
    await store.commit(Commit("r0", "w1", 1, (a_step(1),)))
    before = proxy.round_trips
    for version in range(1, 6):
        turn = [
            Commit(name, "w1", version + (name == "r0"), (a_step(version + (name == "r0")),))
            for name in names
        ]
        await asyncio.gather(*(store.commit(commit) for commit in turn))
    assert proxy.round_trips - before == 5


async def test_a_batch_of_one_groups_nothing(proxy: Proxy, store: CheckpointStore) -> None:
    async with CheckpointStore(proxy.url, batch=1) as other:
        names = [f"r{number}" for number in range(10)]
        await started(other, *names)
        found = await asyncio.gather(
            *(other.commit(Commit(name, "w1", 0, (a_step(0),))) for name in names)
        )
    assert [done.version for done in found] == [1] * 10


async def test_the_head_stays_small_and_the_log_linear(
    store: CheckpointStore, database: str
) -> None:
    await started(store, "r")
    output = json.dumps(os.urandom(10_000).hex()).encode()
    before = await value(database, "SELECT pg_current_wal_insert_lsn()::text")
    sizes = []
    for index in range(200):
        await store.commit(Commit("r", "w1", index, (a_step(index, output),)))
        if index in (9, 199):
            sizes.append(
                await value(
                    database,
                    "SELECT pg_column_size(step_outputs_json) FROM aos.workflow_checkpoints",
                )
            )
    written = await value(
        database,
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::text::pg_lsn)::bigint",
        before,
    )
    assert written < 12_000_000
    assert sizes[1] <= sizes[0] + 4
    assert sizes[1] < 2048


async def test_the_head_shows_the_last_outputs(store: CheckpointStore, database: str) -> None:
    await started(store, "r")
    steps = (a_step(0, b'{"a":"\\u0000"}'), a_step(1, b'"' + b"x" * 199 + b'"'))
    await store.commit(Commit("r", "w1", 0, steps))
    shown = await value(database, "SELECT step_outputs_json::text FROM aos.workflow_checkpoints")
    assert json.loads(shown) == {"1:s": {"a": "\x00"}, "2:s": {"hash": "o", "bytes": 201}}


async def test_large_outputs_are_kept_once_for_each_run(
    database: str, store: CheckpointStore
) -> None:
    async with CheckpointStore(database, out_of_row_bytes=100) as other:
        await started(other, "r", "q")
        fits, beyond = b'"' + b"x" * 98 + b'"', b'"' + b"x" * 99 + b'"'
        await other.commit(Commit("r", "w1", 0, (a_step(0, fits), a_step(1, beyond))))
        await other.commit(Commit("r", "w1", 1, (a_step(2, beyond),)))
        await other.commit(Commit("q", "w1", 0, (a_step(0, beyond),)))
        rows = await other._fetch("SELECT run_id, octet_length(body::text) FROM aos.payloads")
        assert sorted(map(tuple, rows)) == [("q", 101), ("r", 101)]
        assert [step.output_json for step in await other.load_steps("r")] == [fits, beyond, beyond]
        head = await other.fork("r", NewRun("f", "w", "hash", 1), steps=2)
        assert head.next_step_index == 2
        assert [step.output_json for step in await other.load_steps("f")] == [fits, beyond]
        await other.commit(Commit("r", "w1", 2, (), RunStatus.FAILED))
        assert await other.delete("r", by="me")
        assert [step.output_json for step in await other.load_steps("f")] == [fits, beyond]


# lost answers


async def test_a_commit_whose_answer_is_lost_counts_once(
    store: CheckpointStore, proxy: Proxy, database: str
) -> None:
    await started(store, "r")
    for version in range(6):
        if version % 2:
            proxy.lose_answer("aos.workflow_steps")
        done = await store.commit(
            Commit("r", "w1", version, (a_step(version),), result_hash=f"h{version}")
        )
        assert done.version == version + 1
    assert proxy.lost == 3
    assert len(await store.load_steps("r")) == 6
    assert await value(database, "SELECT sum(cents)::float8 FROM aos.cost_ledger") == 9.0
    assert await value(database, "SELECT count(*) FROM aos.checkpoints") == 6


async def test_lost_answers_of_many_at_once(store: CheckpointStore, proxy: Proxy) -> None:
    names = [f"r{number}" for number in range(20)]
    await started(store, *names)
    proxy.lose_answer("aos.workflow_steps")
    commits = [Commit(name, "w1", 0, (a_step(0),)) for name in names]
    commits += [Commit(name, "zombie", 0, (a_step(0),)) for name in names[:5]]
    found = await asyncio.gather(*map(store.commit, commits), return_exceptions=True)
    assert proxy.lost == 1
    assert all(isinstance(one, Committed) for one in found[:20])
    assert all(isinstance(one, CheckpointVersionConflictError) for one in found[20:])


async def test_a_claim_whose_answer_is_lost_gives_its_runs_all_the_same(
    store: CheckpointStore, proxy: Proxy
) -> None:
    for number in range(3):
        await store.create(NewRun(f"r{number}", "w", "hash", 1))
    proxy.lose_answer("SKIP LOCKED")
    claimed = await store.claim("w1", limit=2)
    assert proxy.lost == 1
    assert [head.run_id for head in claimed] == ["r0", "r1"]
    assert [head.attempts for head in claimed] == [1, 1]
    assert [head.run_id for head in await store.claim("w1", limit=5)] == ["r2"]


async def test_a_claim_that_failed_is_asked_for_again_the_next_time(
    proxy: Proxy, store: CheckpointStore
) -> None:
    await store.create(NewRun("r", "w", "hash", 1))
    async with CheckpointStore(proxy.url, tries=1) as other:
        proxy.lose_answer("SKIP LOCKED")
        with pytest.raises(StoreUnavailableError):
            await other.claim("w1")
        assert [head.run_id for head in await other.claim("w1")] == ["r"]
        assert await other.claim("w1") == ()


async def test_changes_whose_answer_is_lost_happen_once(
    store: CheckpointStore, proxy: Proxy
) -> None:
    proxy.lose_answer("INSERT INTO aos.workflow_runs")
    head, is_new = await store.create(NewRun("r", "w", "hash", 1, owner="w1"))
    assert (is_new, head.version) == (True, 0)
    await store.commit(Commit("r", "w1", 0, (a_step(0),)))

    proxy.lose_answer("'transition'")
    change = Transition("r", RunStatus.QUEUED, by="me", expected_version=1)
    assert (await store.transition(change)).version == 2

    proxy.lose_answer("'cancel requested'")
    assert (await store.request_cancel("r", by="me")).status is RunStatus.CANCELLED

    proxy.lose_answer("INSERT INTO aos.workflow_runs")
    forked = await store.fork("r", NewRun("f", "w", "hash", 1), steps=1)
    assert forked.next_step_index == 1

    proxy.lose_answer("DELETE FROM aos.workflow_checkpoints")
    assert await store.delete("r", by="me")
    assert not await store.delete("r", by="me")
    assert proxy.lost == 5


@pytest.mark.parametrize("lost", ["UPDATE aos.approvals", "COMMIT"])
async def test_a_decision_whose_answer_is_lost_is_made_once(
    store: CheckpointStore, proxy: Proxy, lost: str
) -> None:
    await started(store, "r")
    await store.ask(Decision("r", "1:ok", "approval", "ok"))
    await store.commit(Commit("r", "w1", 0, (), RunStatus.SUSPENDED))
    proxy.lose_answer(lost)
    answer = await store.decide("r", "ok", decision="approved", by="ann")
    assert proxy.lost == 1
    assert answer.decision == "approved"
    head = await store.load("r")
    assert head is not None
    assert (head.status, head.version) == (RunStatus.QUEUED, 2)


# others in the database


async def test_a_row_that_somebody_has_locked_holds_up_nobody_else(
    store: CheckpointStore, database: str
) -> None:
    names = [f"r{number}" for number in range(10)]
    await started(store, *names)
    operator = await asyncpg.connect(database)
    transaction = operator.transaction()
    await transaction.start()
    await operator.execute(
        "UPDATE aos.workflow_checkpoints SET reason = 'look' WHERE run_id = 'r3'"
    )
    commits = {
        name: asyncio.ensure_future(store.commit(Commit(name, "w1", 0, (a_step(0),))))
        for name in names
    }
    held = commits.pop("r3")
    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(*commits.values())
        assert not held.done()
        await transaction.rollback()
        assert (await held).version == 1
    await operator.close()


async def test_a_value_that_cannot_be_kept_hurts_only_its_own_run(store: CheckpointStore) -> None:
    names = [f"r{number}" for number in range(6)]
    await started(store, *names)
    bad = {"r2": a_step(0, b"{not json"), "r4": a_step(0, step_id="a\x00b")}
    found = await asyncio.gather(
        *(store.commit(Commit(name, "w1", 0, (bad.get(name, a_step(0)),))) for name in names),
        return_exceptions=True,
    )
    assert [type(one) for one in found] == [
        UsageError if name in bad else Committed for name in names
    ]
    assert (await store.load("r2")).version == 0  # type: ignore[union-attr]


async def test_who_asks_and_who_answers_at_once_never_miss_each_other(
    store: CheckpointStore,
) -> None:
    for number in range(25):
        run_id = f"r{number}"
        await started(store, run_id)

        async def asks(run_id: str = run_id) -> None:
            found = await store.ask(Decision(run_id, "1:go", "signal", "go"))
            if found.decision is None:
                await store.commit(Commit(run_id, "w1", 0, (), RunStatus.SUSPENDED))
                await store.wake(run_id)

        async def answers(run_id: str = run_id) -> None:
            await store.decide(run_id, "go", decision="received", by="x")

        await asyncio.gather(*((asks(), answers()) if number % 2 else (answers(), asks())))
        head = await store.load(run_id)
        assert head is not None
        assert head.status is not RunStatus.SUSPENDED
        (found,) = await store.decisions(run_id=run_id)
        assert (found.step_path, found.decision) == ("1:go", "received")


async def test_an_operator_who_deletes_a_head_leaves_nothing_behind(
    store: CheckpointStore, database: str
) -> None:
    await started(store, "r")
    await store.commit(Commit("r", "w1", 0, (a_step(0),)))
    await value(database, "DELETE FROM aos.workflow_checkpoints WHERE run_id = 'r'")
    for table in ("workflow_runs", "workflow_steps", "checkpoints", "payloads"):
        assert await value(database, f"SELECT count(*) FROM aos.{table}") == 0
    assert await value(database, "SELECT by FROM aos.transitions WHERE event = 'deleted'") == "nova"


async def test_who_deletes_is_written_down(store: CheckpointStore, database: str) -> None:
    await store.create(NewRun("r", "w", "hash", 1))
    assert await store.delete("r", by="ann")
    assert await value(database, "SELECT by FROM aos.transitions WHERE event = 'deleted'") == "ann"


async def test_connections_are_limited_and_named(
    postgres: PostgresServer, database: str, store: CheckpointStore
) -> None:
    async with CheckpointStore(database, pool_size=6, application_name="worker-7") as other:
        names = [f"r{number}" for number in range(50)]
        await started(other, *names)
        await asyncio.gather(
            *(other.load(name) for name in names),
            *(other.commit(Commit(name, "w1", 0, (a_step(0),))) for name in names),
        )
        count = await value(
            database, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'worker-7'"
        )
    assert 1 <= count <= 6


@pytest.mark.parametrize(
    "options", [{"pool_size": 4}, {"batch": 0}, {"tries": 0}, {"statement_timeout_s": 0}]
)
def test_settings_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="got pool_size"):
        CheckpointStore("postgresql://localhost/x", **options)


async def test_a_statement_that_takes_too_long_is_given_up(
    store: CheckpointStore, database: str
) -> None:
    await started(store, "r")
    operator = await asyncpg.connect(database)
    async with operator.transaction():
        await operator.execute("LOCK TABLE aos.workflow_checkpoints")
        async with CheckpointStore(
            database, statement_timeout_s=0.1, migrates=False, tries=2
        ) as other:
            with pytest.raises(StoreUnavailableError, match="statement timeout"):
                await other.load("r")
    await operator.close()


async def test_a_database_that_is_not_there() -> None:
    store = CheckpointStore("postgresql://nova:secret@127.0.0.1:1/x", tries=2)
    with pytest.raises(StoreUnavailableError, match="cannot be used") as found:
        await store.load("r")
    assert "secret" not in str(found.value)
    assert "DATABASE_URL" in str(found.value)
    with pytest.raises(UsageError, match="cannot be understood") as not_an_address:
        await CheckpointStore("mysql://nova:secret@localhost/x").load("r")
    assert "secret" not in str(not_an_address.value)
    await store.close()


# a server that is killed


async def test_acknowledged_commits_survive_kills_of_the_server_and_none_is_doubled() -> None:
    with open_folder() as home, Stack(home).postgres() as found:
        async with CheckpointStore(found.url, tries=20) as store:
            names = [f"r{number}" for number in range(8)]
            await store.join(WorkerRow("w1"))
            await started(store, *names)
            acknowledged = dict.fromkeys(names, 0)
            moved = asyncio.Event()
            end = time.monotonic() + 2.0
            kills = 0

            async def steps(name: str) -> None:
                while time.monotonic() < end or kills < 2:
                    version = acknowledged[name]
                    done = await store.commit(Commit(name, "w1", version, (a_step(version),)))
                    acknowledged[name] = done.version
                    moved.set()

            async def more(count: int) -> None:
                goal = sum(acknowledged.values()) + count
                while sum(acknowledged.values()) < goal:
                    moved.clear()
                    await moved.wait()

            async def killer() -> None:
                nonlocal kills
                for _ in range(2):
                    await more(100)
                    running = await asyncio.to_thread(Stack(home).server, "db")
                    os.kill(running.pid, signal.SIGKILL)
                    kills += 1
                    await more(50)

            async with asyncio.timeout(60):
                await asyncio.gather(killer(), *map(steps, names))
            for name, count in acknowledged.items():
                head = await store.load(name)
                assert head is not None
                assert (head.version, head.next_step_index) == (count, count)
                assert len(await store.load_steps(name)) == count
            total = sum(acknowledged.values())
            assert await value(found.url, "SELECT count(*) FROM aos.checkpoints") == total
            assert await value(found.url, "SELECT count(*) FROM aos.cost_ledger") == total
        await forget(home)


async def forget(home: Path) -> None:
    await asyncio.to_thread(Stack(home).down, force=True)

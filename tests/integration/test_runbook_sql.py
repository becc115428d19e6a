"""Every SQL statement of the two workflow runbooks, word for word, as the role that they name."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from tests.databases import fresh_database, server
from tests.stack_homes import open_folder

from aos_workflow.checkpoint import CheckpointStore
from aos_workflow.checkpoint.postgres.migrating import BUSY_TABLES, migrate, set_operator
from aos_workflow.checkpoint.records import Commit, NewRun, RunStatus, SkillRow, WorkerRow
from aos_workflow.errors import CheckpointVersionConflictError
from aos_workflow.stack import PostgresServer, Stack

RUNNING = """
SELECT run_id, workflow_id, next_step_index, updated_at, version
FROM workflow_checkpoints
WHERE status = 'running'
ORDER BY updated_at DESC
LIMIT 50;
"""
STALE = """
SELECT run_id, workflow_id, next_step_index,
       EXTRACT(EPOCH FROM (NOW() - updated_at))/60 AS minutes_stale
FROM workflow_checkpoints
WHERE status = 'running'
  AND updated_at < NOW() - INTERVAL '1 hour';
"""
BY_STATUS = """
   SELECT status, COUNT(*)
   FROM workflow_checkpoints
   WHERE updated_at > NOW() - INTERVAL '5 minutes'
   GROUP BY status;
"""
FAILED = """
   SELECT run_id, workflow_id, status, last_result_hash, updated_at
   FROM workflow_checkpoints
   WHERE status = 'failed'
   ORDER BY updated_at DESC
   LIMIT 20;
"""
HASHES = """
   SELECT run_id, last_result_hash, version
   FROM workflow_checkpoints
   WHERE updated_at > NOW() - INTERVAL '1 hour'
   ORDER BY updated_at DESC;
"""
ALIVE = "SELECT 1;"
BLOCKING = """
   SELECT pid, query, state, wait_event_type, wait_event
   FROM pg_stat_activity
   WHERE state = 'active'
   AND query NOT LIKE '%pg_stat_activity%';
"""
LOCKS = """
   SELECT l.pid, l.locktype, l.mode, l.granted, a.query
   FROM pg_locks l
   JOIN pg_stat_activity a ON l.pid = a.pid
   WHERE l.relation = 'workflow_checkpoints'::regclass;
"""
CONNECTIONS = """
   SELECT count(*) FROM pg_stat_activity
   WHERE datname = 'nova_aos';
"""
LOAD = "SELECT * FROM pg_stat_activity WHERE state = 'active';"
SLOW = """
   SELECT run_id,
          EXTRACT(EPOCH FROM (updated_at - created_at)) as duration_sec,
          pg_column_size(step_outputs_json) as payload_bytes
   FROM workflow_checkpoints
   ORDER BY duration_sec DESC NULLS LAST
   LIMIT 20;
"""
INDEXES = """
   SELECT schemaname, tablename, indexname, idx_scan, idx_tup_read
   FROM pg_stat_user_indexes
   WHERE tablename = 'workflow_checkpoints';
"""
REINDEX = "REINDEX workflow_checkpoints;"
MARK_FAILED = """
UPDATE workflow_checkpoints
SET status = 'failed',
    updated_at = NOW(),
    version = version + 1
WHERE run_id = '<run_id>'
  AND version = <expected_version>;
"""
DELETE_STUCK = """
DELETE FROM workflow_checkpoints
WHERE run_id = '<run_id>'
  AND status = 'running'
  AND updated_at < NOW() - INTERVAL '2 hours';
"""
DISABLE_SKILL = """
UPDATE skill_registry
SET enabled = false,
    disabled_reason = 'Emergency disable due to incident INC-123'
WHERE skill_id = '<problematic_skill>';
"""
COUNT = "SELECT COUNT(*) FROM checkpoints;"
DEADLOCKS = """
   SELECT pid, state, query, wait_event_type, wait_event
   FROM pg_stat_activity
   WHERE state != 'idle'
   ORDER BY query_start;
"""
READING = {
    name: text
    for name, text in globals().items()
    if name.isupper() and isinstance(text, str) and "SELECT" in text
}


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A database whose operator is a role of its own, with no right but those it was given."""
    with server() as found, fresh_database(found) as url:
        asyncio.run(_prepare(url))
        yield url
        asyncio.run(_forget(found.url))


async def _prepare(url: str) -> None:
    connection = await asyncpg.connect(url)
    await migrate(connection)
    await connection.execute("CREATE ROLE on_call LOGIN PASSWORD 'secret'")
    await set_operator(connection, "on_call")
    await connection.close()


async def _forget(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("DROP OWNED BY on_call")
    await connection.close()


@pytest.fixture
async def store(database: str) -> AsyncIterator[CheckpointStore]:
    async with CheckpointStore(database) as found:
        await found._fetch("DELETE FROM aos.workflow_checkpoints")
        await found.join(WorkerRow("w1"))
        for run_id in ("r1", "r2"):
            await found.create(NewRun(run_id, "w", "hash", 1, owner="w1"))
        yield found


@pytest.fixture
async def operator(database: str, store: CheckpointStore) -> AsyncIterator[Any]:
    parts = urlsplit(database)
    netloc = f"on_call:secret@{parts.hostname}:{parts.port}"
    connection = await asyncpg.connect(urlunsplit(parts._replace(netloc=netloc)))
    yield connection
    await connection.close()


@pytest.mark.parametrize("name", READING)
async def test_every_query_runs_as_it_stands(operator: Any, name: str) -> None:
    await operator.fetch(READING[name])


async def test_running_and_stale_runs(operator: Any, store: CheckpointStore) -> None:
    await age(store, "r1", "59 minutes")
    await age(store, "r2", "61 minutes")
    assert [row["run_id"] for row in await operator.fetch(RUNNING)] == ["r1", "r2"]
    (stale,) = await operator.fetch(STALE)
    assert stale["run_id"] == "r2"
    assert 61 <= stale["minutes_stale"] < 62


async def test_indexes_are_listed_under_the_runbooks_names(operator: Any) -> None:
    names = {row["indexname"] for row in await operator.fetch(INDEXES)}
    assert "workflow_checkpoints_pkey" in names


async def test_a_run_that_was_marked_as_failed_is_lost_to_its_worker(
    operator: Any, store: CheckpointStore
) -> None:
    statement = MARK_FAILED.replace("<run_id>", "r1").replace("<expected_version>", "0")
    assert await operator.execute(statement) == "UPDATE 1"
    assert await operator.execute(statement) == "UPDATE 0"
    with pytest.raises(CheckpointVersionConflictError):
        await store.commit(Commit("r1", "w1", 0, (), RunStatus.COMPLETED))
    head = await store.load("r1")
    assert head is not None
    assert (head.status, head.owner) == (RunStatus.FAILED, None)
    assert (await store.take("r1", "w2")).owner == "w2"


async def test_a_stuck_run_is_deleted_whole_and_that_is_written_down(
    operator: Any, store: CheckpointStore
) -> None:
    statement = DELETE_STUCK.replace("<run_id>", "r1")
    await age(store, "r1", "119 minutes")
    assert await operator.execute(statement) == "DELETE 0"
    await age(store, "r1", "121 minutes")
    assert await operator.execute(statement) == "DELETE 1"
    assert await store.load("r1") is None
    rows = await store._fetch(
        "SELECT by, event, from_state FROM aos.transitions WHERE run_id = 'r1'"
    )
    assert tuple(rows[-1]) == ("on_call", "deleted", "running")


async def test_a_skill_is_disabled_and_the_next_commit_tells(
    operator: Any, store: CheckpointStore
) -> None:
    await store.register_skills([SkillRow("web_search", "1")])
    before = (await store.controls()).epoch
    statement = DISABLE_SKILL.replace("<problematic_skill>", "web_search")
    assert await operator.execute(statement) == "UPDATE 1"
    done = await store.commit(Commit("r1", "w1", 0))
    assert done.epoch > before
    assert (await store.controls()).disabled_skills == {
        ("web_search", "1"): "Emergency disable due to incident INC-123"
    }


async def test_the_one_that_is_no_sql_has_a_correction(operator: Any, database: str) -> None:
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await operator.execute(REINDEX)
    owner = await asyncpg.connect(database)
    for table in BUSY_TABLES:
        await owner.execute(f"REINDEX TABLE CONCURRENTLY {table}")
    await owner.close()


async def test_the_one_that_is_not_postgresqls_own_needs_the_operators_path(database: str) -> None:
    owner = await asyncpg.connect(database)
    with pytest.raises(asyncpg.UndefinedColumnError):
        await owner.fetch(INDEXES)
    corrected = re.sub(r"\btablename\b", "relname", INDEXES).replace("indexname", "indexrelname")
    assert await owner.fetch(corrected)
    await owner.close()


async def test_nothing_else_may_be_changed(operator: Any) -> None:
    for statement in (
        "DELETE FROM workflow_steps",
        "UPDATE workflow_runs SET seed = 2",
        "INSERT INTO checkpoints VALUES ('r1', 9, 0, 'running', NULL, 'w', now())",
        "CREATE TABLE aos.mine (n integer)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await operator.execute(statement)


async def test_whoever_works_in_the_embedded_database_is_an_operator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open_folder() as home:
        monkeypatch.setenv("AOS_HOME", str(home))
        monkeypatch.delenv("DATABASE_URL", raising=False)
        async with CheckpointStore() as store:
            await store.create(NewRun("r1", "w", "hash", 1, owner="w1"))
            running = Stack(home).server("db")
            assert isinstance(running, PostgresServer)
            connection = await asyncpg.connect(running.url)
            assert [row["run_id"] for row in await connection.fetch(RUNNING)] == ["r1"]
            for statement in READING.values():
                await connection.fetch(statement)
            await connection.close()
        assert not Stack(home).status(["db"])[0].running  # the last one who used it has left


async def age(store: CheckpointStore, run_id: str, by: str) -> None:
    await store._fetch(
        "UPDATE aos.workflow_checkpoints SET updated_at = now() - $2::text::interval WHERE run_id = $1",
        run_id,
        by,
    )

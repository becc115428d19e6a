"""The schema: brought up to date once, whoever asks; never over an edited file; operators find its tables."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
from tests.databases import fresh_database, server

from aos_workflow.checkpoint import CheckpointStore
from aos_workflow.checkpoint.postgres import migrating
from aos_workflow.checkpoint.postgres.migrating import Migration, migrate, migrations, status
from aos_workflow.errors import MigrationError, StoreError
from aos_workflow.stack import PostgresServer

MIGRATE = """
import asyncio, sys
import asyncpg
from aos_workflow.checkpoint.postgres.migrating import migrate

async def main():
    connection = await asyncpg.connect(sys.argv[1])
    sys.stdin.readline()
    print(len(await migrate(connection)))

asyncio.run(main())
"""
LIMIT_S = 30.0


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with server() as found:
        yield found


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Any]:
    found = await asyncpg.connect(database)
    yield found
    await found.close()


def of_files(monkeypatch: pytest.MonkeyPatch, *files: Migration) -> None:
    monkeypatch.setattr(migrating, "migrations", lambda: files)


async def test_every_file_is_applied_once_in_order(connection: Any) -> None:
    names = tuple(item.name for item in migrations())
    assert [state.state for state in await status(connection)] == ["pending"] * len(names)
    assert await connection.fetchval("SELECT to_regnamespace('aos')") is None
    assert names == tuple(sorted(names))
    assert await migrate(connection) == names
    assert await migrate(connection) == ()
    assert {state.state for state in await status(connection)} == {"applied"}


def test_of_four_processes_exactly_one_applies(database: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    found = [process.communicate(timeout=LIMIT_S)[0].strip() for process in processes]
    assert sorted(found) == sorted(["0", "0", "0", str(len(migrations()))])


async def test_an_edited_file_is_refused(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrate(connection)
    first, *rest = migrations()
    of_files(monkeypatch, Migration(first.name, first.text + "-- later\n"), *rest)
    with pytest.raises(MigrationError, match=f"{first.name} is another one than was applied"):
        await migrate(connection)
    states = [state.state for state in await status(connection)]
    assert states == ["edited", *["applied"] * len(rest)]


async def test_line_ends_are_no_edit(connection: Any) -> None:
    # read_text turns every line end into LF, so a checkout with CRLF has the same digest
    assert all("\r" not in item.text for item in migrations())


async def test_a_database_of_a_newer_version_is_refused(
    database: str, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(connection)
    *older, last = migrations()
    of_files(monkeypatch, *older)
    with pytest.raises(MigrationError, match=f"{last.name}, which this version does not know"):
        await CheckpointStore(database).open()


async def test_a_file_that_fails_leaves_nothing_and_the_ones_before_stay(
    connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Migration("0001_good.sql", "CREATE TABLE good (n integer);")
    bad = Migration("0002_bad.sql", "CREATE TABLE half (n integer); SELECT 1 / 0;")
    of_files(monkeypatch, good, bad)
    with pytest.raises(MigrationError, match=r"0002_bad.sql failed.*division by zero"):
        await migrate(connection)
    assert await connection.fetchval("SELECT to_regclass('aos.good')") is not None
    assert await connection.fetchval("SELECT to_regclass('aos.half')") is None
    states = [(state.name, state.state) for state in await status(connection)]
    assert states == [("0001_good.sql", "applied"), ("0002_bad.sql", "pending")]


async def test_an_index_is_built_concurrently_while_others_wait_for_their_turn(
    database: str, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Migration("0001_table.sql", "CREATE TABLE things (n integer);")
    index = Migration(
        "0002_index.sql",
        "-- outside of a transaction\nCREATE INDEX CONCURRENTLY things_n ON aos.things (n);",
    )
    of_files(monkeypatch, table, index)
    other = await asyncpg.connect(database)
    async with asyncio.timeout(LIMIT_S):
        found = await asyncio.gather(migrate(connection), migrate(other))
    await other.close()
    assert sorted(map(len, found)) == [0, 2]
    assert await connection.fetchval("SELECT to_regclass('aos.things_n')") is not None


async def test_a_schema_that_is_up_to_date_needs_no_rights_to_change_it(
    database: str, connection: Any
) -> None:
    await migrate(connection)
    await connection.execute(
        """
        CREATE ROLE worker LOGIN PASSWORD 'workerpass';
        GRANT USAGE ON SCHEMA aos TO worker;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA aos TO worker
        """
    )
    try:
        url = database.replace("nova:novapass", "worker:workerpass")
        async with CheckpointStore(url) as store:
            assert await store.claim("w1") == ()
            assert await store.reap() == ()
    finally:
        await connection.execute("DROP OWNED BY worker; DROP ROLE worker")


async def test_the_path_of_a_database_is_changed_only_if_it_is_ours(connection: Any) -> None:
    settings = "SELECT count(*) FROM pg_db_role_setting WHERE setdatabase <> 0"
    await migrate(connection)
    assert await connection.fetchval(settings) == 0


async def test_the_epoch_follows_plain_sql(database: str, connection: Any) -> None:
    async with CheckpointStore(database) as store:
        epochs = [(await store.controls()).epoch]
        for statement in (
            "INSERT INTO aos.skill_registry (skill_id, enabled) VALUES ('a', false)",
            "UPDATE aos.skill_registry SET disabled_reason = 'x' WHERE skill_id = 'a'",
            "DELETE FROM aos.skill_registry WHERE skill_id = 'a'",
            "UPDATE aos.controls SET stopped = true, stop_reason = 'y'",
            "UPDATE aos.controls SET stopped = false",
        ):
            await connection.execute(statement)
            epochs.append((await store.controls()).epoch)
        assert all(later > earlier for earlier, later in itertools.pairwise(epochs))
        await connection.execute("UPDATE aos.controls SET updated_by = 'me'")
        await connection.execute("INSERT INTO aos.skill_registry (skill_id) VALUES ('b')")
        assert (await store.controls()).epoch == epochs[-1]


async def test_the_command_makes_an_operator(database: str, connection: Any) -> None:
    await connection.execute('CREATE ROLE "on-call"')
    try:
        command = [
            sys.executable,
            "-m",
            "aos_workflow.cli",
            "db",
            "migrate",
            "--operator",
            "on-call",
        ]
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            env={**os.environ, "DATABASE_URL": database},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "role on-call is an operator"
        may = "SELECT has_table_privilege('on-call', 'aos.workflow_checkpoints', 'DELETE')"
        assert await connection.fetchval(may)
    finally:
        await connection.execute('DROP OWNED BY "on-call"; DROP ROLE "on-call"')


async def test_an_operator_who_does_not_exist_is_refused(connection: Any) -> None:
    await migrate(connection)
    with pytest.raises(StoreError, match="role 'nobody-here' cannot be made an operator"):
        await migrating.set_operator(connection, "nobody-here")

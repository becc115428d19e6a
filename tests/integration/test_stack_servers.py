"""Embedded servers: started once, shared, restarted after a crash, stopped by the last user, nothing left behind."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis
from tests.stack_homes import open_folder

from aos_workflow.errors import (
    PortInUseError,
    ServerInUseError,
    ServerStartError,
    ServerStoppedError,
    UsageError,
)
from aos_workflow.stack import (
    PostgresServer,
    PostgresSettings,
    Stack,
    ValkeyServer,
    ValkeySettings,
    ping,
    postgres,
    valkey,
)
from aos_workflow.stack.processes import ProcessId

LIMIT_S = 20.0
CUT = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What asyncpg raises when the server dies under it."""

USER = """
import json, sys
from aos_workflow.stack import Stack
with Stack(sys.argv[1]).postgres() as server:
    print(json.dumps({"pid": server.pid, "port": server.port}), flush=True)
    sys.stdin.readline()
    import os
    os._exit(0)  # as children of multiprocessing end: nothing is cleaned up
"""


def eventually(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, f"not within {LIMIT_S:.0f} s: {what}"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    return ProcessId.of(pid) is None


def processes_of(folder: Path) -> list[int]:
    """The processes whose command line names a folder, but for our own."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(folder) in path.read_bytes() and int(path.parent.name) != os.getpid():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


class User:
    """Another process that uses the PostgreSQL of a home."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def server(self) -> dict[str, int]:
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))

    def leave(self) -> None:
        self.process.communicate("\n", timeout=LIMIT_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=LIMIT_S)


def finished(home: Path) -> Iterator[Path]:
    """Lend a home, and see that all its servers have ended afterwards."""
    yield home
    try:
        servers = (home / "servers").resolve()
        eventually(lambda: not processes_of(servers), "end of every process")
    finally:
        Stack(home).down(force=True)


def removed(home: Path) -> Iterator[Path]:
    """Lend a home, and remove what lies elsewhere because the servers' user cannot enter it."""
    yield home
    shutil.rmtree((home / "servers").resolve())


@pytest.fixture(scope="module")
def lasting_home() -> Iterator[Path]:
    """A home with an awkward name, longer than a socket's may be, where the servers' user can enter it."""
    with open_folder() as folder:
        yield folder / "a home, with 'quotes' and é" / ("deep" * 20)


@pytest.fixture
def home(lasting_home: Path) -> Iterator[Path]:
    """A home that other tests have used, since making a cluster takes a second."""
    yield from finished(lasting_home)


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Path]:
    """A home that nobody has used."""
    for folder in removed(tmp_path / "home"):
        yield from finished(folder)


@pytest.fixture
def kept(home: Path) -> Iterator[Stack]:
    """A stack that is stopped afterwards, whatever a test leaves running."""
    stack = Stack(home)
    yield stack
    stack.down(force=True)


def query(server: PostgresServer, sql: str) -> list[tuple[Any, ...]]:
    async def run() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(server.url, timeout=LIMIT_S)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return asyncio.run(run())


def value(server: PostgresServer, sql: str) -> Any:
    return query(server, sql)[0][0]


class TestFreshServers:
    def test_a_postgres_is_durable_and_leaves_nothing_behind(self) -> None:
        with postgres() as server:
            folder = server.log.parents[2]
            settings = {
                name: value(server, f"SHOW {name}")
                for name in ("fsync", "data_checksums", "server_encoding", "timezone")
            }
            assert settings == {
                "fsync": "on",
                "data_checksums": "on",
                "server_encoding": "UTF8",
                "timezone": "UTC",
            }
            assert query(
                server,
                "SELECT current_user::text, current_database()::text, datcollate FROM pg_database "
                "WHERE datname = current_database()",
            ) == [("nova", "nova_aos", "C")]
            assert not gone(server.pid)
        assert gone(server.pid)
        assert not folder.exists()
        assert processes_of(folder) == []

    def test_a_valkey_answers_and_leaves_nothing_behind(self) -> None:
        with valkey(settings=ValkeySettings(password='s p"\\é')) as server:
            folder = server.log.parents[2]
            with redis.Redis.from_url(server.url) as client:
                assert client.ping()
                assert client.config_get("appendonly", "appendfsync", "maxmemory-policy") == {
                    "appendonly": "yes",
                    "appendfsync": "always",
                    "maxmemory-policy": "noeviction",
                }
            assert ping(server.host, server.port).startswith("NOAUTH")
            assert ping(server.host, server.port, "wrong").startswith("WRONGPASS")
            assert "s p" not in Path(f"/proc/{server.pid}/cmdline").read_text()
        assert gone(server.pid)
        assert not folder.exists()

    def test_files_go_even_if_their_user_is_killed(self) -> None:
        script = (
            "import sys\nfrom aos_workflow.stack import valkey\n"
            "with valkey() as s:\n print(s.pid, s.log, flush=True)\n sys.stdin.readline()"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        pid, log = process.stdout.readline().split(maxsplit=1)
        process.kill()
        process.communicate(timeout=LIMIT_S)
        eventually(lambda: gone(int(pid)), "end of the server")
        eventually(lambda: not Path(log.strip()).parents[2].exists(), "removal of its files")

    def test_passwords_are_asked_for_and_do_not_show(self) -> None:
        settings = PostgresSettings(password='o\'ne \\ "two" é', options={"max_connections": "7"})
        with postgres(settings=settings) as server:
            assert value(server, "SHOW max_connections") == "7"
            assert "two" not in repr(server) + repr(settings)
            for host in (server.host, str(server.socket_folder)):
                with pytest.raises(asyncpg.InvalidPasswordError):
                    asyncio.run(
                        asyncpg.connect(
                            host=host,
                            port=server.port,
                            user="nova",
                            password="novapass",
                            database="nova_aos",
                        )
                    )


class TestSharing:
    def test_four_processes_at_once_share_one_server_and_the_last_one_stops_it(
        self, new_home: Path
    ) -> None:
        home = new_home
        users = [User(home) for _ in range(4)]
        servers = [user.server() for user in users]
        assert len({(s["pid"], s["port"]) for s in servers}) == 1
        pid = servers[0]["pid"]
        assert len(processes_of(home.resolve() / "servers")) <= 6  # one postmaster, one keeper, us
        status = Stack(home).status()[0]
        assert status.pid == pid
        assert set(status.users) == {user.process.pid for user in users}
        for user in users[:3]:
            user.leave()
        assert not gone(pid)
        users[3].leave()
        eventually(lambda: gone(pid), "end of the server")
        eventually(lambda: gone(status.keeper_pid or 0), "end of the keeper")

    def test_a_killed_user_neither_stops_the_server_for_others_nor_keeps_it(
        self, home: Path
    ) -> None:
        killed, other = User(home), User(home)
        pid = killed.server()["pid"]
        assert other.server()["pid"] == pid
        killed.kill()
        with Stack(home).postgres() as server:
            assert server.pid == pid
            assert value(server, "SELECT 1") == 1
        assert not gone(pid)
        other.kill()
        eventually(lambda: gone(pid), "end of the server")

    def test_a_server_that_is_up_stays_when_its_users_leave(self, kept: Stack) -> None:
        ports = [free_port(), free_port()]
        stack = Stack(
            kept.home,
            postgres=PostgresSettings(port=ports[0]),
            valkey=ValkeySettings(port=ports[1]),
        )
        first = stack.up()
        assert [(one.port, one.running, one.pinned) for one in first] == [
            (ports[0], True, True),
            (ports[1], True, True),
        ]
        with kept.postgres() as server:
            assert server.pid == first[0].pid
        assert kept.up() == stack.up() == first
        assert [result.stopped for result in kept.down()] == [True, True]
        assert not any(one.running or one.pinned for one in kept.status())
        assert [result.stopped for result in kept.down()] == [True, True]

    def test_down_leaves_a_server_that_is_used_unless_forced(self, kept: Stack) -> None:
        with kept.valkey() as server:
            [result] = kept.down(["redis"])
            assert not result.stopped
            assert result.users == (os.getpid(),)
            assert not gone(server.pid)
            assert kept.down(["redis"], force=True)[0].stopped
            assert gone(server.pid)

    @pytest.mark.parametrize("service", ["redis", "db"])
    def test_a_server_comes_back_on_the_port_it_had(self, kept: Stack, service: str) -> None:
        use = kept.valkey if service == "redis" else kept.postgres
        with use() as server:
            port = server.port
            assert kept.down([service], force=True)[0].stopped
            with use() as again:
                assert again.port == port
        with socket.create_server(("127.0.0.1", port)), use() as elsewhere:
            assert elsewhere.port != port

    def test_a_used_server_is_not_moved_to_another_port(self, kept: Stack) -> None:
        elsewhere = Stack(kept.home, valkey=ValkeySettings(port=free_port()))
        with kept.valkey() as server:
            with pytest.raises(ServerInUseError, match=f"port {server.port}.*{os.getpid()}"):
                elsewhere.up(["redis"])
            with pytest.raises(ServerInUseError):
                elsewhere.valkey()
        assert elsewhere.up(["redis"])[0].running

    def test_the_environment_is_that_of_what_runs(self, home: Path) -> None:
        stack = Stack(home)
        with pytest.raises(ServerStoppedError):
            stack.environment()
        with stack.postgres() as server:
            assert stack.environment() == {
                "PGHOST": "127.0.0.1",
                "PGPORT": str(server.port),
                "PGUSER": "nova",
                "PGPASSWORD": server.password,
                "PGDATABASE": "nova_aos",
                "DATABASE_URL": server.url,
            }
            with stack.valkey() as other:
                assert stack.environment()["REDIS_URL"] == other.url


class TestCrashes:
    def test_committed_rows_survive_the_death_of_the_postmaster(self, home: Path) -> None:
        async def write_until_cut(server: PostgresServer) -> int:
            connection = await asyncpg.connect(server.url)
            await connection.execute("DROP TABLE IF EXISTS t; CREATE TABLE t (n int)")
            written = 0
            try:
                while True:
                    await connection.execute("INSERT INTO t VALUES ($1)", written)
                    written += 1
                    if written == 50:
                        os.kill(server.pid, signal.SIGKILL)
            except CUT:
                connection.terminate()
                return written

        stack = Stack(home)
        with stack.postgres() as server:
            written = asyncio.run(asyncio.wait_for(write_until_cut(server), LIMIT_S))
            assert written >= 50
            eventually(lambda: comes_back(stack, "db", server.pid), "start after the crash")
            [status] = stack.status(["db"])
            assert (status.port, status.restarts) == (server.port, 1)
            count = value(server, "SELECT count(*) FROM t")
            # The statement that was cut off may have been committed.
            assert count in (written, written + 1)
            again = stack.restart("db")
            assert isinstance(again, PostgresServer)
            assert again.port == server.port
            assert value(again, "SELECT count(*) FROM t") == count
        assert gone(again.pid)

    def test_the_start_waits_for_what_is_left_of_the_crashed_server(self, home: Path) -> None:
        busy = (
            "DO $$ DECLARE e timestamptz := clock_timestamp() + interval '1 second'; "
            "BEGIN WHILE clock_timestamp() < e LOOP NULL; END LOOP; END $$"
        )

        async def crash_while_busy(server: PostgresServer) -> None:
            connection = await asyncpg.connect(server.url)
            backend = await connection.fetchval("SELECT pg_backend_pid()")
            query = asyncio.ensure_future(connection.execute(busy))
            await asyncio.to_thread(eventually, lambda: cpu_ticks(backend) > 2, "a busy server")
            os.kill(server.pid, signal.SIGKILL)
            with suppress(*CUT):
                await query
            connection.terminate()

        stack = Stack(home)
        with stack.postgres() as server:
            asyncio.run(asyncio.wait_for(crash_while_busy(server), LIMIT_S))
            eventually(lambda: comes_back(stack, "db", server.pid), "start after the crash")
            assert value(server, "SELECT 1") == 1
            assert "pre-existing shared memory block" in "\n".join(stack.logs("db", 1000))

    def test_a_stale_pid_file_is_no_obstacle(self, home: Path) -> None:
        stack = Stack(home)
        with stack.postgres() as server:
            data = server.log.parent / "data"
            pid_file = (data / "postmaster.pid").read_text().splitlines()
        stale = "\n".join([str(os.getpid()), *pid_file[1:]]) + "\n"
        (data / "postmaster.pid").write_text(stale)
        (data / "postmaster.pid").chmod(0o644)
        with stack.postgres() as server:
            assert value(server, "SELECT 1") == 1

    @pytest.mark.skipif(sys.platform != "linux", reason="needs the parent death signal")
    def test_a_server_does_not_outlive_its_keeper(self, home: Path) -> None:
        stack = Stack(home)
        lease = stack.valkey()
        [_, status] = stack.status()
        os.kill(status.keeper_pid or 0, signal.SIGKILL)
        eventually(lambda: gone(lease.server.pid), "end of the server")
        with stack.valkey() as server:  # while the old lease is still there
            assert server.pid != lease.server.pid
        lease.release()
        assert not stack.status(["redis"])[0].running

    def test_budgets_survive_restart_and_death_of_valkey(self, home: Path) -> None:
        stack = Stack(home)
        with stack.valkey() as server, redis.Redis.from_url(server.url) as client:
            client.incrby("budget:tenant", 700)
            again = stack.restart("redis")
            assert isinstance(again, ValkeyServer)
            assert (again.port, gone(server.pid)) == (server.port, True)
            assert client.incrby("budget:tenant", 7) == 707
            os.kill(again.pid, signal.SIGKILL)
            eventually(lambda: comes_back(stack, "redis", again.pid), "start after the crash")
            assert client.get("budget:tenant") == b"707"
        with stack.valkey() as server, redis.Redis.from_url(server.url) as client:
            assert client.get("budget:tenant") == b"707"


CHURN = """
import random, socket, sys, time
from aos_workflow.stack import Stack
random.seed(sys.argv[2])
while True:
    with Stack(sys.argv[1]).valkey() as server:
        print(server.pid, flush=True)
        time.sleep(random.random() * 0.1)
    time.sleep(random.random() * 0.2)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs the parent death signal")
def test_users_keepers_and_servers_killed_at_random_leave_nothing_and_nobody_fails(
    home: Path, tmp_path: Path
) -> None:
    chance = random.Random(20260101)
    errors = tmp_path / "errors"

    def start(number: int) -> subprocess.Popen[bytes]:
        with open(errors, "ab") as log, open(tmp_path / "leases", "ab") as leases:
            command = [sys.executable, "-c", CHURN, str(home), str(number)]
            return subprocess.Popen(command, stdout=leases, stderr=log)

    users = [start(number) for number in range(4)]
    try:
        end = time.monotonic() + 15
        for number in itertools.count(4):
            if time.monotonic() > end:
                break
            time.sleep(chance.random() * 0.5)
            victim = users.pop(chance.randrange(4))
            assert victim.poll() is None, errors.read_text()
            victim.kill()
            victim.wait()
            users.append(start(number))
            [status] = Stack(home).status(["redis"])
            for pid in (status.pid, status.keeper_pid):
                if pid is not None and chance.random() < 0.2:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
    finally:
        for user in users:
            user.kill()
            user.wait()
    assert errors.read_text() == ""
    assert len((tmp_path / "leases").read_text().splitlines()) > 20


class TestRefusals:
    def test_a_port_in_use_is_reported_with_its_owner(self, kept: Stack) -> None:
        with socket.create_server(("127.0.0.1", 0)) as ours:
            port = ours.getsockname()[1]
            stack = Stack(kept.home, valkey=ValkeySettings(port=port))
            with pytest.raises(PortInUseError) as caught:
                stack.up(["redis"])
        assert caught.value.port == port
        assert caught.value.owner_pid == os.getpid()
        assert f"process {os.getpid()} (" in caught.value.message
        assert stack.up(["redis"])[0].running

    def test_an_option_that_postgres_refuses_is_quoted(self, home: Path) -> None:
        stack = Stack(home, postgres=PostgresSettings(options={"max_connections": "many"}))
        with pytest.raises(ServerStartError, match="max_connections"):
            stack.postgres()
        assert not stack.status(["db"])[0].running
        with Stack(home, postgres=PostgresSettings(options={})).postgres() as server:
            assert value(server, "SELECT 1") == 1

    def test_a_password_changes_with_the_next_start_and_names_never(self, home: Path) -> None:
        Stack(home, postgres=PostgresSettings(password="novapass")).postgres().release()
        changed = Stack(home, postgres=PostgresSettings(password="another"))
        with Stack(home).postgres() as server:
            assert server.password == "novapass"
            with pytest.raises(ServerInUseError, match="another password"):
                changed.postgres()
        with changed.postgres() as server:
            assert value(server, "SELECT 1") == 1
        with Stack(home).postgres() as server:
            assert server.password == "another"
            assert value(server, "SELECT 1") == 1
        with pytest.raises(UsageError, match="'nova'"):
            Stack(home, postgres=PostgresSettings(user="root")).postgres()

    def test_a_cluster_of_another_version_is_left_alone(self, new_home: Path) -> None:
        home = new_home
        from aos_workflow.stack.accounts import server_account
        from aos_workflow.stack.places import open_servers

        data = open_servers(home, server_account("nobody")) / "db" / "data"
        data.mkdir(parents=True)
        (data / "PG_VERSION").write_text("16\n")
        with pytest.raises(ServerStartError, match="made by PostgreSQL 16"):
            Stack(home).postgres()
        assert [path.name for path in data.iterdir()] == ["PG_VERSION"]

    def test_what_does_not_run_is_not_restarted(self, home: Path) -> None:
        with pytest.raises(ServerStoppedError):
            Stack(home).restart("db")
        with pytest.raises(UsageError, match="backend"):
            Stack(home).restart("backend")


def comes_back(stack: Stack, service: str, old: int) -> bool:
    [status] = stack.status([service])
    return status.running and status.pid != old


def cpu_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])

"""The parts of the launcher that need no server."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aos_workflow import config
from aos_workflow.errors import PortInUseError, StackTimeoutError, UsageError
from aos_workflow.stack import PostgresServer, PostgresSettings, ValkeyServer, ValkeySettings, ping
from aos_workflow.stack.accounts import Account
from aos_workflow.stack.kinds import _forget_dead_postmaster
from aos_workflow.stack.launch import Launch, Readiness
from aos_workflow.stack.locks import exclusive, is_locked, open_lock, readers, try_lock
from aos_workflow.stack.log_file import LARGEST, part_after, shorten, tail
from aos_workflow.stack.ports import check_free, free_port, owner
from aos_workflow.stack.processes import ProcessId, command_line, stop
from aos_workflow.stack.settings import load, merged, save
from aos_workflow.stack.state import State
from aos_workflow.stack.waiting import Deadline

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


class TestProcesses:
    def test_a_process_is_itself_until_it_ends(self, other: subprocess.Popen[bytes]) -> None:
        process = ProcessId.of(other.pid)
        assert process is not None
        assert process.alive
        assert process == ProcessId.of(other.pid)
        assert process != ProcessId.of(os.getpid())
        assert process.send(signal.SIGKILL)
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert ProcessId.of(other.pid) is None, "nobody has waited for it, but it is dead"
        assert not process.alive
        assert not process.send(signal.SIGKILL)

    def test_a_process_that_got_the_number_of_ours_is_left_alone(
        self, other: subprocess.Popen[bytes]
    ) -> None:
        former = ProcessId(other.pid, "an earlier start")
        assert not former.alive
        assert not former.send(signal.SIGKILL)
        assert not stop(former, [("SIGKILL", 0.0)], lambda: other.poll() is not None)
        assert other.poll() is None

    def test_stopping_goes_on_to_stronger_signals(self) -> None:
        script = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(flush=True)\ninput()"
        with subprocess.Popen(
            [sys.executable, "-S", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as stubborn:
            assert stubborn.stdout is not None
            stubborn.stdout.readline()
            process = ProcessId.of(stubborn.pid)
            assert process is not None
            steps = [("SIGTERM", 0.05), ("SIGKILL", 10.0)]
            assert stop(process, steps, lambda: stubborn.poll() is not None)
            assert stubborn.returncode == -signal.SIGKILL

    @linux_only
    def test_a_command_line_is_text_of_bounded_length(self) -> None:
        assert Path(sys.executable).name.split(".")[0] in command_line(os.getpid())
        assert len(command_line(os.getpid())) <= 200
        assert command_line(2**22 + 1) == ""


class TestLocks:
    def test_a_lock_is_exclusive_or_shared(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        assert not is_locked(path)
        first, second = open_lock(path), open_lock(path)
        assert try_lock(first, shared=True)
        assert try_lock(second, shared=True)
        assert not is_locked(path), "shared is not exclusive"
        assert not try_lock(second)
        os.close(first)
        assert try_lock(second)
        assert is_locked(path)
        os.close(second)
        assert not is_locked(path)

    def test_waiting_for_a_lock_has_a_limit(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        with (
            exclusive(path, Deadline(1.0)),
            pytest.raises(StackTimeoutError, match="lock"),
            exclusive(path, Deadline(0.0)),
        ):
            pytest.fail("had it twice")
        with exclusive(path, Deadline(0.0)):
            pass

    @linux_only
    def test_readers_are_named(self, tmp_path: Path) -> None:
        handle = open_lock(tmp_path / "lock")
        assert readers(tmp_path / "lock") == ()
        try_lock(handle, shared=True)
        assert readers(tmp_path / "lock") == (os.getpid(),)
        os.close(handle)
        assert readers(tmp_path / "missing") == ()


class TestPorts:
    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0"])
    def test_a_port_that_localhost_means_is_in_use(self, host: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listening = socket.create_server((host, 0), family=family)
        except OSError:
            pytest.skip(f"{host} is not to be had here")
        with listening:
            port = listening.getsockname()[1]
            with pytest.raises(PortInUseError) as caught:
                check_free("db", port)
            if sys.platform == "linux":
                assert caught.value.owner_pid == os.getpid() == owner(port)
            again = pickle.loads(pickle.dumps(caught.value))
            assert again.to_dict() == caught.value.to_dict()
        check_free("db", port)
        assert owner(port) is None

    def test_a_free_port_is_free(self) -> None:
        check_free("db", free_port())


class TestLogs:
    @given(lines=st.lists(st.text("abc ", max_size=30), max_size=12), count=st.integers(0, 14))
    def test_the_tail_is_that_of_all_lines(
        self, tmp_path_factory: pytest.TempPathFactory, lines: list[str], count: int
    ) -> None:
        path = tmp_path_factory.mktemp("log") / "log"
        path.write_text("".join(f"{line}\n" for line in lines))
        assert tail(path, count) == (lines[-count:] if count else [])

    def test_the_tail_of_a_large_log_is_read_from_its_end(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        lines = [f"{number} {'x' * 100}" for number in range(5000)]
        path.write_text("\n".join(lines))
        assert tail(path, 1500) == lines[-1500:]

    def test_a_log_that_grew_moves_aside_and_is_still_read(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_text("one\ntwo\n")
        shorten(path, largest=8)
        assert path.read_text() == "one\ntwo\n"
        shorten(path, largest=7)
        assert path.read_text() == ""
        path.write_text("three\n")
        assert tail(path, 2) == ["two", "three"]
        assert tail(tmp_path / "none", 2) == []
        shorten(tmp_path / "none")
        assert LARGEST == 16 * 1024 * 1024

    def test_what_was_written_after_a_place(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_text("before\nafter\n")
        assert part_after(path, 7) == "after\n"
        path.write_bytes(b"x" * 70_000)
        assert len(part_after(path, 0)) == 64 * 1024
        assert part_after(tmp_path / "none", 0) == ""


class TestPing:
    @pytest.mark.parametrize(
        ("reply", "answer"),
        [(b"+PONG\r\n", "PONG"), (b"-LOADING wait\r\n", "LOADING wait")],
    )
    def test_the_answer_is_told(self, reply: bytes, answer: str) -> None:
        with Answering(reply) as port:
            assert ping("127.0.0.1", port) == answer

    @pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 400\r\n", b"+" + b"x" * 5000, b":1\r\n"])
    def test_what_is_not_redis_is_an_error(self, reply: bytes) -> None:
        with Answering(reply) as port, pytest.raises(OSError, match="as Redis does"):
            ping("127.0.0.1", port)

    def test_nobody_is_an_error(self) -> None:
        with pytest.raises(OSError, match="refused"):
            ping("127.0.0.1", free_port())


class Answering:
    """A server that gives one reply to one client."""

    def __init__(self, reply: bytes) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._reply = reply
        self._thread = threading.Thread(target=self._answer)

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._server.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._server.close()

    def _answer(self) -> None:
        client, _ = self._server.accept()
        with client:
            client.recv(4096)
            client.sendall(self._reply)


class TestSettings:
    @pytest.mark.parametrize("port", [0, 65536, -1])
    def test_a_port_has_bounds(self, port: int) -> None:
        for kind in (PostgresSettings, ValkeySettings):
            with pytest.raises(UsageError, match="65535"):
                kind(port=port)
        assert PostgresSettings(port=1).port == 1
        assert ValkeySettings(port=65535).port == 65535

    @pytest.mark.parametrize("text", ["", "two\nlines", "nul\0", "x" * 513])
    def test_names_and_passwords_are_one_line_of_bounded_length(self, text: str) -> None:
        for what in ("user", "password", "database"):
            with pytest.raises(UsageError, match=what):
                PostgresSettings(**{what: text})
        if text:
            with pytest.raises(UsageError, match="password"):
                ValkeySettings(password=text)
        assert PostgresSettings(password="x" * 512)

    @pytest.mark.parametrize("options", [{"a b": "1"}, {"a;": "1"}, {"": "1"}, {"a": "1\n"}])
    def test_options_are_names_and_values(self, options: dict[str, str]) -> None:
        with pytest.raises(UsageError, match="setting"):
            PostgresSettings(options=options)
        assert PostgresSettings(options={"pg_x.y_z": "a b"})

    def test_what_is_not_said_is_as_it_was(self) -> None:
        wanted = ValkeySettings(port=1, password="")
        old = ValkeySettings(port=2, password="p", appendfsync="everysec")
        assert merged(wanted, old) == ValkeySettings(1, "", "everysec")
        assert merged(old, wanted) == old
        assert merged(ValkeySettings()) == ValkeySettings()

    def test_passwords_are_kept_where_nobody_else_reads_them(self, tmp_path: Path) -> None:
        path = tmp_path / "settings.json"
        assert load(path) == {}
        save(path, {"password": "é"})
        assert load(path) == {"password": "é"}
        assert path.stat().st_mode & 0o077 == 0
        assert "hidden" not in repr(PostgresSettings(password="hidden"))
        assert "hidden" not in repr(ValkeySettings(password="hidden"))

    def test_the_environment_says_where_and_with_what(self) -> None:
        assert config.stack_home({"AOS_HOME": "/a b"}) == Path("/a b")
        assert config.stack_home({"XDG_DATA_HOME": "/data"}) == Path("/data/aos-workflow")
        assert config.stack_home({}).is_relative_to(Path.home())
        assert config.stack_password({}) is None
        assert config.stack_password({"AOS_STACK_PASSWORD": "p"}) == "p"
        assert config.stack_redis_password({"AOS_STACK_REDIS_PASSWORD": ""}) == ""


class TestValues:
    @given(user=PRINTABLE, password=PRINTABLE, database=PRINTABLE)
    def test_an_address_means_what_it_was_made_of(
        self, user: str, password: str, database: str
    ) -> None:
        from urllib.parse import unquote, urlsplit

        server = PostgresServer("127.0.0.1", 5433, user, password, database, 1, Path(), Path())
        url = urlsplit(server.url)
        assert (unquote(url.username or ""), unquote(url.password or "")) == (user, password)
        assert (url.hostname, url.port, unquote(url.path[1:])) == ("127.0.0.1", 5433, database)
        valkey = ValkeyServer("127.0.0.1", 6379, password, 1, Path())
        assert unquote(urlsplit(valkey.url).password or "") == password

    def test_without_a_password_there_is_none_in_the_address(self) -> None:
        assert ValkeyServer("h", 1, None, 1, Path()).environment == {"REDIS_URL": "redis://h:1/0"}


class TestKeeping:
    def test_a_launch_reaches_the_keeper_as_it_is(self) -> None:
        launch = Launch(
            service="redis",
            folder="/a b/é\udc80",
            command=["x", "-"],
            working_folder="/",
            port=1,
            readiness=Readiness(host="h", port=1, password="p"),
            stop=[("SIGTERM", 1.5)],
            death_signal="SIGTERM",
            account=Account("nobody", 1, 2),
            input="requirepass p\n",
            remove=["/c"],
        )
        text = launch.to_json()
        assert text.isascii()
        assert Launch.from_json(text) == launch
        assert "requirepass" not in repr(launch)
        assert "'p'" not in repr(launch)

    def test_a_state_is_read_as_it_was_written_or_not_at_all(self, tmp_path: Path) -> None:
        path = tmp_path / "state.json"
        assert State.load(path) is None
        for server in (ProcessId(2, "b"), None):
            state = State("running", ProcessId(1, "a"), server, 5433, 1)
            state.save(path)
            assert State.load(path) == state
        for text in ("", "[]", "{}", '{"status": 1}', "{"):
            path.write_text(text)
            assert State.load(path) is None

    def test_postgres_is_ready_when_its_file_says_so_of_this_process(self, tmp_path: Path) -> None:
        path = tmp_path / "postmaster.pid"
        readiness = Readiness(pid_file=str(path))
        assert not readiness.holds(7)
        path.write_text("7\n/data\n1\n5433\n../socket\n127.0.0.1\n1 2\nstarting\n")
        assert not readiness.holds(7)
        path.write_text("7\n/data\n1\n5433\n../socket\n127.0.0.1\n1 2\nready   \n")
        assert readiness.holds(7)
        assert not readiness.holds(8)

    @linux_only
    def test_only_the_file_of_a_process_that_is_no_postgres_is_forgotten(
        self, tmp_path: Path, other: subprocess.Popen[bytes]
    ) -> None:
        path = tmp_path / "postmaster.pid"
        for content in ("", "x", "4194305\n/data\n"):
            path.write_text(content)
            _forget_dead_postmaster(path)
            assert path.exists()
        path.write_text(f"{other.pid}\n/data\n")
        _forget_dead_postmaster(path)
        assert not path.exists()
        postgres = tmp_path / "postgres"
        postgres.symlink_to("/bin/sh")
        with subprocess.Popen(
            [str(postgres), "-c", "read x", "-D", "x"], stdin=subprocess.PIPE
        ) as p:
            path.write_text(f"{p.pid}\n/data\n")
            _forget_dead_postmaster(path)
            assert path.exists()
            p.communicate(b"\n")

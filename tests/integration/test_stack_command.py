"""``aos-workflow stack``: the lines of the runbooks, word for word, against real servers."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.stack_homes import open_folder

from aos_workflow.stack import Stack
from aos_workflow.stack.binaries import postgres_folder
from aos_workflow.stack.ports import free_port, owner

LIMIT_S = 60

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder / "our home"


@pytest.fixture
def shell(home: Path) -> Iterator[Shell]:
    """Runs a line as a person would, with nothing set but ``AOS_HOME``; afterwards nothing runs any more."""
    tools = postgres_folder(None, home)  # after the system's own
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], str(tools)])

    def run(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": path, "AOS_HOME": str(home), "LC_ALL": "C.UTF-8", **variables}
        return subprocess.run(
            ["bash", "-c", line],
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    yield run
    Stack(home).down(force=True)


@pytest.fixture
def usual_ports() -> Iterator[None]:
    """The ports that the runbooks name, which only one test of this machine can have at a time."""
    with open(Path(tempfile.gettempdir()) / f"aos-usual-ports-{os.geteuid()}", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for port in (5433, 6379):
            if (pid := owner(port)) is not None:
                pytest.skip(f"port {port} is in use by process {pid}")
        yield


@pytest.mark.usefixtures("usual_ports")
def test_the_runbooks_lines_work_as_they_are_written(shell: Shell) -> None:
    up = shell("aos-workflow stack up")
    assert up.returncode == 0, up.stderr
    assert up.stdout.splitlines()[0].split() == ["SERVICE", "STATE", "PORT", "PID"]
    assert shell("pg_isready -h localhost -p 5433").returncode == 0
    line = 'psql -h localhost -p 5433 -U nova -d nova_aos -c "SELECT 1;"'
    assert "(1 row)" in shell(f"PGPASSWORD=novapass {line}").stdout
    refused = shell(f"PGPASSWORD=wrong {line}")
    assert refused.returncode == 2
    assert "password authentication failed" in refused.stderr
    short = 'eval "$(aos-workflow stack env)"; psql -h localhost -d nova_aos -c "SELECT 1;"'
    assert "(1 row)" in shell(short).stdout
    redis_cli = "redis-cli ping" if shutil.which("redis-cli") else "aos-workflow stack redis ping"
    assert shell(redis_cli).stdout == "PONG\n"
    assert shell("aos-workflow stack redis ping --port 6379").stdout == "PONG\n"

    assert shell("aos-workflow stack up").stdout == up.stdout
    logged = shell("aos-workflow stack logs db --tail 100").stdout
    assert "database system is ready to accept connections" in logged
    assert len(shell("aos-workflow stack logs db --tail 2").stdout.splitlines()) == 2

    table = 'psql -c "CREATE TABLE kept AS SELECT 7 AS n"'
    shell(f'eval "$(aos-workflow stack env)"; {table}')
    restarted = shell("aos-workflow stack restart db")
    assert restarted.returncode == 0, restarted.stderr
    assert restarted.stdout.splitlines()[1] not in up.stdout  # another process
    count = 'eval "$(aos-workflow stack env)"; psql -At -c "SELECT n FROM kept"'
    assert shell(count).stdout == "7\n"
    assert shell("aos-workflow stack restart redis").returncode == 0

    assert shell("aos-workflow stack down").stdout == "db: stopped\nredis: stopped\n"
    assert shell("pg_isready -h localhost -p 5433").returncode == 2


class TestAnswers:
    def test_json_tells_the_same_and_exit_codes_say_how_it_went(self, shell: Shell) -> None:
        stopped = shell("aos-workflow stack status --json")
        assert stopped.returncode == 1
        assert [s["state"] for s in json.loads(stopped.stdout)["services"]] == ["stopped"] * 2
        assert shell("aos-workflow stack ps").returncode == 0

        up = shell(f"aos-workflow stack up redis --redis-port {free_port()} --json")
        document = json.loads(up.stdout)
        assert (up.returncode, document["ok"]) == (0, True)
        [service] = document["services"]
        assert service["service"] == "redis"
        assert service["pinned"]
        status = shell("aos-workflow stack status redis --json")
        assert json.loads(status.stdout)["services"] == [service]
        ping = shell("aos-workflow stack redis ping --json")
        assert json.loads(ping.stdout) == {"ok": True, "answer": "PONG"}
        env = json.loads(shell("aos-workflow stack env --json").stdout)
        assert env["environment"] == {"REDIS_URL": f"redis://127.0.0.1:{service['port']}/0"}

        down = shell("aos-workflow stack down redis --json")
        assert json.loads(down.stdout)["services"] == [
            {"service": "redis", "stopped": True, "users": []}
        ]

    def test_env_gives_a_shell_nothing_when_nothing_runs(self, shell: Shell) -> None:
        env = shell("aos-workflow stack env")
        assert (env.returncode, env.stdout) == (1, "")
        assert "next: aos-workflow stack up" in env.stderr
        failed = shell("aos-workflow stack env --json")
        assert json.loads(failed.stdout)["error"]["code"] == "SERVER_STOPPED"
        assert shell("aos-workflow stack redis ping").returncode == 1
        assert shell("aos-workflow stack restart db").returncode == 1

    def test_a_port_in_use_names_its_owner(self, shell: Shell) -> None:
        with socket.create_server(("127.0.0.1", 0)) as ours:
            port = ours.getsockname()[1]
            failed = shell(f"aos-workflow stack up db --db-port {port} --json")
        assert failed.returncode == 1
        error = json.loads(failed.stdout)["error"]
        assert (error["code"], error["port"], error["owner_pid"]) == (
            "PORT_IN_USE",
            port,
            os.getpid(),
        )

    def test_a_password_of_the_environment_is_used(self, shell: Shell) -> None:
        password = 'it\'s "another" $one'
        up = shell(
            f"aos-workflow stack up redis --redis-port {free_port()}",
            AOS_STACK_REDIS_PASSWORD=password,
        )
        assert up.returncode == 0, up.stderr
        assert shell("aos-workflow stack redis ping").stdout == "PONG\n"
        shown = shell('eval "$(aos-workflow stack env)"; printf %s "$REDIS_URL"').stdout
        assert "it%27s%20%22another%22%20%24one" in shown

    @pytest.mark.parametrize(
        "arguments",
        ["up backend", "restart worker", "logs", "logs web", "up --db-port 70000", "start"],
    )
    def test_what_means_nothing_is_a_usage_error(self, shell: Shell, arguments: str) -> None:
        failed = shell(f"aos-workflow stack {arguments}")
        assert failed.returncode == 2, failed.stdout
        assert "error: " in failed.stderr

    @pytest.mark.parametrize(
        "command", ["up", "down", "status", "ps", "env", "logs", "restart", "redis ping"]
    )
    def test_help_has_an_example(self, shell: Shell, command: str) -> None:
        text = shell(f"aos-workflow stack {command} --help").stdout
        assert f"aos-workflow stack {command}" in text.partition("Example:")[2]

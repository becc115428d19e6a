"""A whole installation for the length of an exercise: databases, worker, server, Prometheus. Leaves nothing behind."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

from aos_workflow.determinism import SystemEntropy
from aos_workflow.errors import ServerStartError
from aos_workflow.recovery.places import Places
from aos_workflow.recovery.shell import Done, run_commands
from aos_workflow.recovery.units import Unit, Units, write_program
from aos_workflow.stack import PostgresSettings, Stack, ValkeySettings
from aos_workflow.stack.ports import free_port
from aos_workflow.stack.waiting import wait_until

__all__ = ["LiveStack"]

WORKER, SERVER, PROMETHEUS = "nova_worker", "nova_server", "prometheus"
DB_PORT, REDIS_PORT, SERVER_PORT, PROMETHEUS_PORT, WORKER_METRICS_PORT = (
    5433,
    6379,
    8000,
    9090,
    9102,
)
_START_LIMIT_S = 60.0
_OURS = (
    "AOS_",
    "GOLDEN_",
    "WORKFLOW_",
    "DATABASE_",
    "REDIS_",
    "POLICY_",
    "BUDGET_",
    "PG",
    "SHADOW_",
)
_MODULE = "aos_workflow.recovery.drill_workflows"
_PROGRAMS = ("psql", "pg_isready", "curl", "jq", "redis-cli", "systemctl", "tar", "openssl")

_AWAIT = """#!/bin/sh
# await WORDS COMMAND...   Runs the command again and again until it says the words.
words=$1
shift
tries=0
while [ "$tries" -lt 300 ]; do
    said=$("$@" 2>&1) || true
    case $said in *"$words"*) exit 0 ;; esac
    tries=$((tries + 1))
    sleep 0.1
done
printf 'never said %s:\\n%s\\n' "$words" "$said" >&2
exit 1
"""


class LiveStack:
    """Servers on free ports and files below a folder of its own; nothing of the caller's settings has a part in it.

    ``environment`` is that of the caller: paths of programs and the like, of which what configures us is left out.
    ``scripts`` and ``rules`` are the folders of the repository's scripts and alert rules, where there are such.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        scripts: Path | None = None,
        rules: Path | None = None,
    ) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="aos-exercise-"))
        self._root.chmod(0o711)  # under root the servers are somebody else's
        self._scripts = scripts
        self._rules = rules
        usual = (DB_PORT, REDIS_PORT, SERVER_PORT, PROMETHEUS_PORT, WORKER_METRICS_PORT)
        self.places = Places(self._root, {port: free_port() for port in usual})
        self._stack = Stack(
            self._root / "home",
            postgres=PostgresSettings(port=self.places.ports[DB_PORT]),
            valkey=ValkeySettings(port=self.places.ports[REDIS_PORT]),
        )
        etc = self.places.of("/etc/nova")
        self._units = Units(self._root / "units", (etc / "secrets", etc / "worker.env"))
        self._outside = environment
        self._environment: dict[str, str] = {}
        self.services: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, commands: Sequence[str], *, limit_s: float = 180.0) -> list[Done]:
        """Commands of a page in one shell, with this installation's places in them."""
        return run_commands(
            [self.places.translated(command) for command in commands],
            folder=self._work_folder,
            environment=self._environment,
            limit_s=limit_s,
        )

    def missing(self, command: str) -> str | None:
        """What a command needs and is not there."""
        for service, port in ((SERVER, SERVER_PORT), (PROMETHEUS, PROMETHEUS_PORT)):
            if f"localhost:{port}" in command and service not in self.services:
                return f"needs {service}, which does not run here"
        for script in re.findall(r"(?:\./)?(scripts/[\w./-]+)", command):
            if not (self._work_folder / script).exists():
                return f"needs {script}"
        for program in _PROGRAMS:
            used = re.search(rf"(?:^|[|;&(]\s*|\n|\bsudo ){re.escape(program)}\b", command)
            if used and shutil.which(program, path=self._environment["PATH"]) is None:
                return f"needs {program}"
        return None

    def close(self) -> None:
        """End every process and remove every file. May be called again."""
        if self._units.tool.exists():
            self._units.stop_all(self._environment)
        self._stack.down(force=True)
        shutil.rmtree(self._root, ignore_errors=True)

    # inside

    @property
    def _work_folder(self) -> Path:
        return self._root / "work"

    def _start(self) -> None:
        self.places.create()
        self._work_folder.mkdir()
        if self._scripts is not None:
            (self._work_folder / "scripts").symlink_to(self._scripts)
        self._stack.up()
        self._environment = self._made_environment()
        self._write_programs()
        secrets = self.places.of("/etc/nova/secrets")
        secrets.write_text(f"GOLDEN_SECRET={SystemEntropy().token_hex(32)}\n")
        secrets.chmod(0o600)
        self._migrate()
        self._start_worker()
        self._start_server()
        self._start_prometheus()

    def _made_environment(self) -> dict[str, str]:
        kept = {name: value for name, value in self._outside.items() if not name.startswith(_OURS)}
        path = [str(self._units.tool.parent), str(Path(sys.executable).parent), kept["PATH"]]
        etc = self.places.of("/etc/nova")
        return {
            **kept,
            **self._stack.environment(),
            "PATH": os.pathsep.join(path),
            "HOME": str(self._work_folder),
            "LC_ALL": "C.UTF-8",
            "AOS_HOME": str(self._root / "home"),
            "AOS_API_KEY": SystemEntropy().token_hex(32),
            "AOS_LOG_FILE": str(self.places.of("/var/log/nova/worker.log")),
            "AOS_WORKER_ENV": str(etc / "worker.env"),
            "GOLDEN_DIR": str(self.places.of("/var/lib/aos/golden")),
            "GOLDEN_KEY_FILE": str(etc / "secrets"),
            "BACKUP_DIR": str(self.places.of("/var/backups/nova/golden")),
            "DRILL": _MODULE,
            "RUN": "drill-1",
        }

    def _write_programs(self) -> None:
        folder = self._units.tool.parent
        folder.mkdir(parents=True, exist_ok=True)
        python = shlex.quote(sys.executable)
        for name, function in (("aos-workflow", "main"), ("aos", "aos")):
            script = f"import sys; from aos_workflow.cli import {function}; sys.exit({function}())"
            write_program(
                folder / name, f'#!/bin/sh\nexec {python} -c {shlex.quote(script)} "$@"\n'
            )
        for name in ("python", "python3"):
            write_program(folder / name, f'#!/bin/sh\nexec {python} "$@"\n')
        write_program(folder / "await", _AWAIT)
        port = self.places.ports[REDIS_PORT]
        client = shutil.which("redis-cli") or shutil.which("valkey-cli")
        asks = f"{client} -p {port}" if client else "aos-workflow stack redis command"
        write_program(folder / "redis-cli", f'#!/bin/sh\nexec {asks} "$@"\n')

    def _migrate(self) -> None:
        (done,) = self.run(["aos-workflow db migrate --operator nova"], limit_s=_START_LIMIT_S)
        if done.exit_code != 0:
            raise ServerStartError(f"the schema cannot be made: {done.output}", service="db")

    def _start_worker(self) -> None:
        command = ["aos-workflow", "worker", "-w", _MODULE, "--concurrency", "4", "--drain", "0.5"]
        port = self.places.ports[WORKER_METRICS_PORT]
        self._start_unit(
            Unit(WORKER, [*command, "--metrics-port", str(port)]),
            lambda: _answers(f"http://127.0.0.1:{port}/metrics"),
        )

    def _start_server(self) -> None:
        port = self.places.ports[SERVER_PORT]
        command = ["aos-workflow", "serve", "--port", str(port), "-w", _MODULE]
        log = str(self.places.of("/var/log/nova/server.log"))
        self._start_unit(
            Unit(SERVER, [*command, "--log-file", log]),
            lambda: _answers(f"http://127.0.0.1:{port}/health"),
        )

    def _start_prometheus(self) -> None:
        program = shutil.which("prometheus")
        if program is None:
            return
        port, folder = self.places.ports[PROMETHEUS_PORT], self._root / "prometheus"
        folder.mkdir()
        (folder / "prometheus.yml").write_text(self._prometheus_settings())
        command = [
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        ready = f"http://127.0.0.1:{port}/-/ready"
        self._start_unit(Unit(PROMETHEUS, command), lambda: _answers(ready))

    def _prometheus_settings(self) -> str:
        ports = (self.places.ports[SERVER_PORT], self.places.ports[WORKER_METRICS_PORT])
        targets = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
        rules = sorted(self._rules.glob("*.yml")) if self._rules is not None else []
        named = ", ".join(f'"{path}"' for path in rules)
        return (
            "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{named}]\n"
            f"scrape_configs: [{{job_name: nova, static_configs: [{{targets: [{targets}]}}]}}]\n"
        )

    def _start_unit(self, unit: Unit, is_ready: Callable[[], bool]) -> None:
        self._units.add(unit)
        self._units.start(unit.name, self._environment)
        if not wait_until(is_ready, _START_LIMIT_S, interval_s=0.1):
            said = self._units.output(unit.name)[-2000:]
            raise ServerStartError(f"{unit.name} does not come up:\n{said}", service=unit.name)
        self.services = (*self.services, unit.name)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2.0) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False

"""Fork servers as the doctor sees them: jobs in, results out, and nothing left behind."""

from __future__ import annotations

import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from aos_workflow.doctor.registry import hooks
from aos_workflow.doctor.target import Target
from aos_workflow.errors import UsageError

__all__ = ["Clinic", "Server"]

START_LIMIT_S = 60.0
SLOTS = 2
CHILD = "aos_workflow.doctor.child"


class Server:
    """One fork server with a hash seed of its own."""

    def __init__(
        self, target: Target, folder: Path, *, hash_seed: int = 0, frozen_addresses: bool = True,
        recording: Path | None = None, exact: bool = False, slots: int = SLOTS,
    ) -> None:  # fmt: skip
        self.target = target
        self.folder = folder
        self.numbers = itertools.count()
        self.buffer = bytearray()
        folder.mkdir(parents=True, exist_ok=True)
        environment = _environment(hash_seed)
        self.process = subprocess.Popen(
            [*_frozen(frozen_addresses), sys.executable, "-m", f"{CHILD}.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        setup = {
            "target": target.to_child(), "path": list(target.path), "folder": str(folder), "slots": slots,
            "recording": str(recording) if recording else None, "exact": exact, "asynchronous": target.asynchronous,
            "hooks": hooks(),
        }  # fmt: skip
        self._send(setup)
        self.ready: dict[str, Any] | None = None

    def wait_ready(self) -> dict[str, Any]:
        """What the server says when it is ready.

        Raises:
            UsageError: the user's file cannot be read or compiled.
        """
        if self.ready is None:
            found = self._receive(START_LIMIT_S)
            self.ready = found
        if not self.ready.get("ready"):
            raise UsageError(
                f"{self.target.file.name}: {self.ready.get('error', 'cannot be loaded')}"
            )
        return self.ready

    def run(self, jobs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The results of jobs, in the order of the jobs."""
        self.wait_ready()
        ids = [next(self.numbers) for _ in jobs]
        for number, job in zip(ids, jobs, strict=True):
            self._send({"id": number, **job})
        limit = sum(job["time_limit_s"] + 5 for job in jobs)
        results: dict[int, dict[str, Any]] = {}
        while len(results) < len(ids):
            found = self._receive(limit)
            if "id" not in found:
                return [results.get(n, {"status": "died"}) for n in ids]
            results[found["id"]] = found
        return [results[number] for number in ids]

    def _send(self, data: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(data).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return

    def _receive(self, limit_s: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        stream = self.process.stdout.fileno()
        end = time.monotonic() + limit_s
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([stream], [], [], max(0.0, end - time.monotonic()))
            data = os.read(stream, 1 << 20) if ready else b""
            if not data:
                return {"ready": False, "error": "the process ended or did not answer"}
            self.buffer += data
        line, _, rest = self.buffer.partition(b"\n")
        self.buffer = bytearray(rest)
        return json.loads(line)  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the server and everything it started."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.close()
            self.process.wait(2)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            pass
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


class Clinic:
    """The servers of one examination and its folder, which is removed at the end."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.folder = Path(tempfile.mkdtemp(prefix="aos-doctor-"))
        self.servers: dict[str, Server] = {}

    def __enter__(self) -> Clinic:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self.servers.values():
            server.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def server(
        self,
        name: str = "main",
        *,
        hash_seed: int = 0,
        frozen_addresses: bool = True,
        exact: bool = False,
    ) -> Server:
        """The server of a name, started when it is first asked for."""
        if name not in self.servers:
            self.servers[name] = Server(
                self.target,
                self.folder / ("main" if exact else name),
                hash_seed=hash_seed,
                frozen_addresses=frozen_addresses,
                recording=self.folder / "recording.json",
                exact=exact,
            )
        return self.servers[name]

    def plain(
        self, calls: Sequence[Mapping[str, Any]], hash_seeds: Iterable[int], limit_s: float
    ) -> list[Any]:
        """What plain fresh processes give, in parallel; ``None`` for one that fails or takes too long."""
        results: dict[int, Any] = {}
        threads = [
            threading.Thread(target=self._plain, args=(calls, seed, limit_s, results))
            for seed in hash_seeds
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [results[seed] for seed in hash_seeds]

    def _plain(
        self, calls: Sequence[Mapping[str, Any]], seed: int, limit_s: float, results: dict[int, Any]
    ) -> None:
        place = self.folder / f"plain{seed}"
        place.mkdir()
        environment = {**_environment(seed), "TMPDIR": str(place), "HOME": str(place)}
        job = {
            "target": self.target.to_child(),
            "path": list(self.target.path),
            "calls": list(calls),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", f"{CHILD}.plain"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment, cwd=self.target.cwd or place, start_new_session=True,
        )  # fmt: skip
        try:
            out, _ = process.communicate(json.dumps(job).encode() + b"\n", timeout=limit_s)
            results[seed] = [text.replace(str(place), "/tmp/aos-run") for text in json.loads(out)]
        except (subprocess.TimeoutExpired, ValueError, BrokenPipeError):
            results[seed] = None
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment(hash_seed: int) -> dict[str, str]:
    """The user's variables, with what the doctor holds still."""
    import aos_workflow

    source = str(Path(aos_workflow.__file__).resolve().parents[1])
    before = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONPATH": os.pathsep.join([source, *([before] if before else [])]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
        "LANG": "C.UTF-8",
    }


def _frozen(wanted: bool) -> list[str]:
    """The command that starts another without address randomisation, where there is one."""
    found = shutil.which("setarch") if wanted and sys.platform == "linux" else None
    return [found, "-R"] if found else []

"""The fork server: loads everything but the user's own modules once, then forks a process for every job.

Reads one JSON job a line on standard input, writes one JSON result a line on standard output. It ends when its input
does, and takes every process that it or a job started with it.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

_monotonic = time.monotonic
_select = select.select
MAX_RESULT_BYTES = 64_000_000


def main() -> None:
    """Serve until the input ends."""
    setup = json.loads(sys.stdin.buffer.readline())
    sys.argv = [setup["target"]["file"]]
    for entry in reversed(setup["path"]):
        if entry not in sys.path:
            sys.path.insert(0, entry)
    try:
        server = Server(setup)
    except Exception as error:  # noqa: BLE001 - a syntax error, an import that fails: told to the parent
        _write({"ready": False, "error": f"{type(error).__name__}: {error}"})
        return
    _write({"ready": True, "constants": server.sources.constants, "python": sys.version.split()[0]})
    server.serve()


class Child:
    """A process that performs a job."""

    def __init__(self, job: dict[str, Any], pid: int, pipe: int, slot: int) -> None:
        self.job, self.pid, self.pipe, self.slot = job, pid, pipe, slot
        self.data = bytearray()
        self.deadline = _monotonic() + job["time_limit_s"]


class Server:
    """Jobs and the processes that perform them."""

    def __init__(self, setup: dict[str, Any]) -> None:
        from aos_workflow.doctor.child.controls import install
        from aos_workflow.doctor.child.instruments import Hooks
        from aos_workflow.doctor.child.run import current
        from aos_workflow.doctor.child.target import Sources, Target

        self.setup = setup
        self.run = current()
        self.sources = Sources(
            Target.of(setup["target"]), self.run, {}, exact=setup.get("exact", False)
        )
        self.run.sources = self.sources
        self.sources.prepare()
        names = install(self.run, self.sources.imports, setup)
        self.sources.names.update(names)
        self.sources.preload()
        self.hooks = Hooks(self.run, setup["hooks"])
        self.hooks.apply()
        self.sources.hooks = self.hooks
        self.children: dict[int, Child] = {}
        self.waiting: list[dict[str, Any]] = []
        self.free = list(range(setup["slots"]))
        self.input = bytearray()

    def serve(self) -> None:
        """Until the input ends: start what can be started, collect what is done, end what takes too long."""
        while True:
            while self.waiting and self.free:
                self.start(self.waiting.pop(0))
            pipes = list(self.children)
            ready, _, _ = _select([0, *pipes], [], [], self.patience())
            for pipe in ready:
                if pipe == 0:
                    if not self.read():
                        self.end()
                        return
                else:
                    self.collect(self.children[pipe])
            for child in list(self.children.values()):
                if _monotonic() > child.deadline:
                    self.finish(child, {"status": "timeout"})

    def patience(self) -> float | None:
        """Seconds until the first child takes too long."""
        if not self.children:
            return None
        return max(0.0, min(c.deadline for c in self.children.values()) - _monotonic())  # type: ignore[no-any-return]

    def read(self) -> bool:
        """Take jobs from the input; false at its end."""
        data = os.read(0, 1 << 20)
        self.input += data
        *lines, rest = self.input.split(b"\n")
        self.input = bytearray(rest)
        self.waiting.extend(json.loads(line) for line in lines)
        return bool(data)

    def start(self, job: dict[str, Any]) -> None:
        """Fork a child for a job."""
        slot = job.get("slot", self.free[0])
        slot = slot if slot in self.free else self.free[0]
        self.free.remove(slot)
        place = self.place(slot, fresh=not job.get("keep_place"))
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            for pipe in self.children:
                os.close(pipe)
            _perform(job, self, place, writer)
        os.close(writer)
        self.children[reader] = Child(job, pid, reader, slot)

    def place(self, slot: int, *, fresh: bool) -> str:
        """The folder of a slot with ``tmp``, ``home`` and ``cwd``."""
        place = Path(self.setup["folder"]) / f"run{slot}"
        if fresh and place.exists():
            shutil.rmtree(place, ignore_errors=True)
        for name in ("tmp", "home", "cwd"):
            (place / name).mkdir(parents=True, exist_ok=True)
        return str(place)

    def collect(self, child: Child) -> None:
        """Take what a child has written; at the end its result."""
        data = os.read(child.pipe, 1 << 20)
        child.data += data
        if len(child.data) > MAX_RESULT_BYTES:
            self.finish(child, {"status": "too-large"})
        elif not data:
            try:
                result = json.loads(child.data)
            except ValueError:
                result = {"status": "died"}
            self.finish(child, result)

    def finish(self, child: Child, result: dict[str, Any]) -> None:
        """Tell the result, and leave nothing of the child."""
        if result.get("status") in ("timeout", "too-large"):
            _kill(child.pid)
        _, status = os.waitpid(child.pid, 0)
        _kill(child.pid)
        os.close(child.pipe)
        del self.children[child.pipe]
        self.free.append(child.slot)
        self.free.sort()
        code = os.waitstatus_to_exitcode(status)
        result.setdefault("status", "done")
        _write({"id": child.job["id"], "exit": code, **result})

    def end(self) -> None:
        """Kill whatever still runs."""
        for child in list(self.children.values()):
            _kill(child.pid)
            os.waitpid(child.pid, 0)


def _kill(pid: int) -> None:
    """The child and everything in its session."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _perform(job: dict[str, Any], server: Server, place: str, writer: int) -> None:
    from aos_workflow.doctor.child.job import perform, send

    code = 1
    try:
        _isolate(job, place)
        server.run.place = place
        send(writer, perform(job, server.sources, server.run, place))
        code = 0
    except BaseException as error:  # noqa: BLE001 - the child must not return into the server
        send(writer, {"status": "broken", "error": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(code)


def _isolate(job: dict[str, Any], place: str) -> None:
    """A session, folders, limits and streams of its own."""
    import gc
    import tempfile

    os.setsid()
    signal.setitimer(signal.ITIMER_REAL, job["time_limit_s"] + 2)
    _limit(job)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    tempfile.tempdir = None
    os.environ["TMPDIR"] = f"{place}/tmp"
    os.environ["HOME"] = f"{place}/home"
    cwd = job.get("cwd") or f"{place}/cwd"
    os.chdir(cwd)
    os.environ["PWD"] = cwd
    gc.disable()
    if job.get("collect"):
        gc.enable()
        gc.set_threshold(1, 1, 1)


def _limit(job: dict[str, Any]) -> None:
    try:
        import resource
    except ImportError:
        return
    memory = job.get("memory_limit_bytes", 2 << 30)
    for what, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 512 << 20),
        (resource.RLIMIT_CPU, int(job["time_limit_s"]) + 5),
    ):
        _, hard = resource.getrlimit(what)
        wanted = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(what, (wanted, hard))


def _write(data: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(data).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

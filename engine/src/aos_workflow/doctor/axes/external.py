"""The outside: child processes, files of the host, names of other hosts.

Under control a child process answers what it answered when it was first asked: the recording is made once, before the
control run, and shared by all runs. Let go, the answer is changed.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from typing import Any

from aos_workflow.doctor.axes.environment import replace
from aos_workflow.doctor.child.run import Reading, Run
from aos_workflow.doctor.child.schedule import scheduler

NAME = "external"
LABEL = "external-call"
HOST_FILES = ("/proc/", "/etc/", "/sys/", "/var/", "/run/", "/boot/")
ENTROPY_FILES = frozenset({"/dev/urandom", "/dev/random"})
MAX_RECORDED_BYTES = 1_000_000
_Popen: Any = subprocess.Popen
_OPEN = io.open
_GETPID = os.getpid


def provoke(budget: str) -> list[Any]:
    """Other answers: digits and letters changed, nothing at all, failure."""
    return ["digits", "letters"] if budget == "quick" else ["digits", "letters", "empty", "failed"]


def mutated(text: str, variant: str) -> str:
    """An answer that is like the recorded one, but another."""
    if variant == "digits":
        changed = re.sub(r"\d", lambda m: str((int(m[0]) + 3) % 10), text)
        return changed if changed != text else mutated(text, "letters")
    if variant == "letters":
        changed = re.sub(r"[a-z]", lambda m: chr((ord(m[0]) - 97 + 5) % 26 + 97), text)
        return changed if changed != text else f"{text.rstrip()}x\n"
    return ""


class Recording:
    """Answers of the outside by what was asked and how often before."""

    def __init__(self, run: Run, path: str | None) -> None:
        self.run = run
        self.path = path
        self.answers: dict[str, Any] | None = None

    def answer(self, question: str, ask: Any) -> Any:
        """The recorded answer; asked and recorded now if there is none."""
        if self.answers is None:
            known = self.path if self.path and os.path.exists(self.path) else os.devnull  # noqa: PTH110
            with _OPEN(known, encoding="utf-8") as stream:
                self.answers = json.loads(stream.read() or "{}")
        counts = self.run.counts
        counts["external", question] = number = counts.get(("external", question), 0) + 1
        key = f"{question}#{number}"
        if key not in self.answers:
            self.answers[key] = ask()
            if self.path:
                self._save(self.path)
        return self.answers[key]

    def _save(self, path: str) -> None:
        partial = f"{path}.{_GETPID()}"
        before, self.run.active = self.run.active, False
        try:
            with _OPEN(partial, "w", encoding="utf-8") as stream:
                stream.write(json.dumps(self.answers))
            os.replace(partial, path)  # noqa: PTH105
        finally:
            self.run.active = before


def control(run: Run, recording_path: str | None = None) -> dict[str, Any]:
    """Child processes and files of the host from the recording."""
    recording = Recording(run, recording_path)
    _processes(run, recording)
    _files(run, recording)
    _paths(run)
    _host(run, recording)
    return {}


def _processes(run: Run, recording: Recording) -> None:  # noqa: C901
    class Popen(_Popen):  # type: ignore[misc]
        """``subprocess.Popen`` that starts its process only if the recording cannot answer."""

        _aos_ready = True

        def __init__(self, args: Any, *more: Any, **options: Any) -> None:
            self._aos_reading = run.visit(NAME, "child process", count=False)
            self._aos_call = (args, more, options)
            self._aos_ready = self._aos_reading is None or _interactive(options)
            if self._aos_ready:
                super().__init__(args, *more, **options)
                return
            self.args, self.pid = args, 4343
            self.returncode: Any = None
            self.stdin = self.stdout = self.stderr = None
            self._child_created = False
            self.text_mode = _is_text(options)
            self._aos_code: Any = None
            if sys._getframe(1).f_globals.get("__name__") != "subprocess":
                self._aos_streams(options)

        def _aos_streams(self, options: dict[str, Any]) -> None:
            """Streams to read from, for who does not ``communicate``."""
            out, err, self._aos_code = self._aos_answer(None)
            kind: Any = io.StringIO if self.text_mode else io.BytesIO
            self.stdout = (
                kind(self._aos_stream(out)) if options.get("stdout") == subprocess.PIPE else None
            )
            self.stderr = (
                kind(self._aos_stream(err)) if options.get("stderr") == subprocess.PIPE else None
            )

        def communicate(self, input: Any = None, timeout: Any = None) -> Any:  # noqa: A002
            """As ``Popen.communicate``."""
            if self._aos_ready:
                return scheduler.outside(lambda: super(Popen, self).communicate(input, timeout))
            if self._aos_code is not None:
                self.returncode = self._aos_code
                return tuple(s.read() if s else None for s in (self.stdout, self.stderr))  # type: ignore[redundant-expr]
            out, err, self.returncode = self._aos_answer(input)
            _, _, options = self._aos_call
            merged = options.get("stderr") == subprocess.STDOUT
            return (
                self._aos_stream(out) if options.get("stdout") == subprocess.PIPE else None,
                self._aos_stream(err)
                if options.get("stderr") == subprocess.PIPE and not merged
                else None,
            )

        def _aos_answer(self, given: Any) -> tuple[str, str, int]:
            args, more, options = self._aos_call
            reading: Any = self._aos_reading
            question = json.dumps(["process", args, str(given)], default=str, sort_keys=True)

            def ask() -> Any:
                try:
                    process = _Popen(args, *more, **options)
                except OSError as error:
                    return ["", error.errno, None]
                out, err = scheduler.outside(lambda: process.communicate(given))
                return [_text(out), _text(err), process.returncode]

            out, err, code = recording.answer(question, ask)
            if code is None:
                if reading.variant is None:
                    raise OSError(err, os.strerror(err), str(args))
                out, err, code = "9.9.9\n", "", 0
            if reading.variant is not None:
                code = 1 if reading.variant == "failed" and code == 0 else code
                out = mutated(out, str(reading.variant))
            reading.note(out.strip())
            return out, err, code

        def _aos_stream(self, text: str) -> Any:
            return text if self.text_mode else text.encode("utf-8", "surrogateescape")

        def wait(self, timeout: Any = None) -> int:
            """As ``Popen.wait``."""
            if self._aos_ready:
                return int(scheduler.outside(lambda: super(Popen, self).wait(timeout)))
            if self.returncode is None and self._aos_code is not None:
                self.returncode = self._aos_code
            if self.returncode is None:
                self.communicate()
            return int(self.returncode)

        def poll(self) -> Any:
            """As ``Popen.poll``."""
            return super().poll() if self._aos_ready else self.wait()

        def __exit__(self, *exc: Any) -> None:
            if self._aos_ready:
                super().__exit__(*exc)

        def __del__(self, *args: Any, **kwargs: Any) -> None:
            if self._aos_ready and getattr(self, "_child_created", False):
                super().__del__(*args, **kwargs)

        def kill(self) -> None:
            """As ``Popen.kill``."""
            if self._aos_ready:
                super().kill()

        terminate = kill

    Popen.__module__, Popen.__qualname__ = "subprocess", "Popen"
    subprocess.Popen = Popen  # type: ignore[misc]

    def system(command: str) -> int:
        return subprocess.run(command, shell=True, check=False).returncode << 8  # noqa: S602

    os.system = system  # type: ignore[assignment]


def _interactive(options: dict[str, Any]) -> bool:
    """Whether somebody talks to the process while it runs, which no recording can stand in for."""
    called_by = sys._getframe(2).f_globals.get("__name__", "")
    return called_by != "subprocess" and options.get("stdin") == subprocess.PIPE


def _is_text(options: dict[str, Any]) -> bool:
    return any(options.get(k) for k in ("text", "universal_newlines", "encoding", "errors"))


def _text(found: Any) -> str:
    if found is None:
        return ""
    text = found.decode("utf-8", "surrogateescape") if isinstance(found, bytes) else str(found)
    return text[:MAX_RECORDED_BYTES]


def _files(run: Run, recording: Recording) -> None:
    """Files of the host, which the recording holds as text."""
    real = builtins.open

    def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        path = os.fspath(file) if isinstance(file, str | os.PathLike) else ""
        if path in ENTROPY_FILES:
            return io.BufferedReader(_Entropy())
        if not str(path).startswith(HOST_FILES) or any(c in mode for c in "wax+"):
            return real(file, mode, *args, **kwargs)
        reading = run.visit(NAME, f"file {path}", count=False)
        if reading is None:
            return real(file, mode, *args, **kwargs)

        def ask() -> str:
            with real(file, "rb") as stream:
                return _text(stream.read(MAX_RECORDED_BYTES))

        text = recording.answer(f"file {path}", ask)
        if reading.variant is not None:
            text = mutated(text, str(reading.variant))
        reading.note(text.strip())
        data = text.encode("utf-8", "surrogateescape")
        return io.BytesIO(data) if "b" in mode else io.StringIO(text)

    opened.__name__ = opened.__qualname__ = "open"
    builtins.open = io.open = opened


class _Entropy(io.RawIOBase):
    """``/dev/urandom`` from ``os.urandom``."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = os.urandom(len(buffer))
        return len(buffer)


def _paths(run: Run) -> None:
    """Whether files of the host are there, and how large."""

    def asked(name: str, path: Any) -> Reading | None:
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        return (
            run.visit(NAME, name, depth=3, count=False)
            if str(text).startswith(HOST_FILES)
            else None
        )

    def test(name: str) -> Any:
        original = getattr(os.path, name)

        def function(path: Any) -> Any:
            reading = asked(f"os.path.{name}", path)
            found = original(path)
            if reading is None or reading.variant is None:
                return found
            return found + 3 if name == "getsize" else not found

        function.__name__ = name
        return function

    for name in ("exists", "isfile", "isdir", "getsize"):
        setattr(os.path, name, test(name))
    stat = os.stat

    def host_stat(path: Any, *args: Any, **kwargs: Any) -> Any:
        reading = asked("os.stat", path)
        if reading is None or reading.variant is None:
            return stat(path, *args, **kwargs)
        found = stat(path, *args, **kwargs)
        if reading.variant != "digits":
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return os.stat_result([*found[:6], found[6] + 3, *found[7:]])

    os.stat = host_stat


def _host(run: Run, recording: Recording) -> None:
    """Load, disks and names."""
    if hasattr(os, "getloadavg"):
        replace(run, NAME, os, "getloadavg", (0.25, 0.5, 0.75), (3.5, 2.25, 1.125))
    real = shutil.disk_usage

    def disk_usage(reading: Reading, path: Any) -> Any:
        kind = type(real(path))
        return kind(1000, 400, 600) if reading.variant is None else kind(2000, 1900, 100)

    replace(run, NAME, shutil, "disk_usage", disk_usage, disk_usage)
    for name, frozen, other in (
        ("gethostbyname", "192.0.2.1", "198.51.100.7"),
        ("getaddrinfo", None, None),
    ):
        if frozen is not None:
            replace(run, NAME, socket, name, frozen, other)
    which = shutil.which

    def found(reading: Reading, cmd: Any, *args: Any, **kwargs: Any) -> Any:
        known = recording.answer(f"which {cmd}", lambda: which(cmd, *args, **kwargs))
        if reading.variant is None:
            return known
        return None if known else f"/usr/local/bin/{cmd}"

    replace(run, NAME, shutil, "which", found, found)

"""Services of an exercise, started and stopped with ``systemctl`` and the names that the runbooks use.

Where a machine has systemd, the real units are in ``deploy/``. Here a small stand-in of that name does the same for
processes of its own: it reads the same environment files, hands on what its caller has exported, and ends with SIGTERM.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Unit", "Units"]

_SYSTEMCTL = """#!/bin/sh
# systemctl start|stop|restart|status UNIT...   A stand-in for exercises.
set -eu
verb=$1
shift
folder={folder}

stop() {{
    pid=$(cat "$folder/$1.pid" 2>/dev/null) || return 0
    kill -TERM "$pid" 2>/dev/null || true
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 600 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
    rm -f "$folder/$1.pid"
}}

start() {{
    for file in {environment_files}; do
        if [ -f "$file" ]; then set -a; . "$file"; set +a; fi
    done
    mkdir -p "$folder/out"
    setsid sh "$folder/$1.start" </dev/null >>"$folder/out/$1" 2>&1 &
    echo $! >"$folder/$1.pid"
}}

for unit in "$@"; do
    unit=${{unit%.service}}
    [ -f "$folder/$unit.start" ] || {{ echo "Unit $unit.service not found." >&2; exit 5; }}
    case $verb in
        start) start "$unit" ;;
        stop) stop "$unit" ;;
        restart) stop "$unit"; start "$unit" ;;
        status) kill -0 "$(cat "$folder/$unit.pid")" 2>/dev/null && echo active || {{ echo inactive; exit 3; }} ;;
        *) echo "systemctl: $verb is not known here" >&2; exit 2 ;;
    esac
done
"""
_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Unit:
    """A service: its name and its command."""

    name: str
    command: Sequence[str]


class Units:
    """The services below a folder. ``tool`` is the stand-in for systemctl."""

    def __init__(self, folder: Path, environment_files: Sequence[Path]) -> None:
        self.folder = folder
        self.tool = folder / "bin" / "systemctl"
        self._environment_files = environment_files
        self._names: list[str] = []

    def add(self, unit: Unit) -> None:
        """Make a service known; the first call writes the tool."""
        self.tool.parent.mkdir(parents=True, exist_ok=True)
        files = " ".join(shlex.quote(str(path)) for path in self._environment_files)
        folder = shlex.quote(str(self.folder))
        write_program(self.tool, _SYSTEMCTL.format(folder=folder, environment_files=files))
        (self.folder / f"{unit.name}.start").write_text(f"exec {shlex.join(unit.command)}\n")
        self._names.append(unit.name)

    def start(self, name: str, environment: Mapping[str, str]) -> None:
        """Start a service with the environment of its caller."""
        self._call("start", name, environment)

    def output(self, name: str) -> str:
        """What a service has written to its standard streams."""
        path = self.folder / "out" / name
        return path.read_text(errors="replace") if path.exists() else ""

    def stop_all(self, environment: Mapping[str, str]) -> None:
        """End every service, whatever state it is in."""
        for name in reversed(self._names):
            self._call("stop", name, environment)

    def _call(self, verb: str, name: str, environment: Mapping[str, str]) -> None:
        subprocess.run(
            [str(self.tool), verb, name], env=dict(environment), timeout=_LIMIT_S, check=True
        )


def write_program(path: Path, text: str) -> None:
    """Write a script that can be run."""
    path.write_text(text)
    path.chmod(0o755)

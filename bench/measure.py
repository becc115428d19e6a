"""Measuring on a noisy machine: contenders take turns in one run, and medians are compared, never two separate runs."""

from __future__ import annotations

import gc
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

__all__ = [
    "BenchError",
    "Cost",
    "TimeLimitError",
    "alternate",
    "cpu_s",
    "machine",
    "run",
    "timed",
    "wall_s",
]

ROOT = Path(__file__).resolve().parent.parent
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_MAX_OUTPUT = 4000
DEFAULT_TIMEOUT_S = 600.0

T = TypeVar("T")


@dataclass(frozen=True)
class Cost:
    """What one process cost, with all the processes it waited for."""

    cpu_s: float
    """User and system time."""
    wall_s: float
    peak_bytes: int
    """Largest resident set of any one of the processes."""
    status: int
    output: str
    """Standard output and error, as they came."""


class BenchError(Exception):
    """A contender did not do what it was asked to do."""


class TimeLimitError(BenchError):
    """A contender gave no answer in time."""


def machine() -> dict[str, object]:
    """What a reader must know to judge a figure; nothing that names the machine."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    expect: int | None = 0,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Cost:
    """Run a command and say what it cost.

    Raises:
        BenchError: it ended with another status than ``expect``.
        TimeLimitError: it did not end in time; it was killed.
    """
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        killer = threading.Timer(timeout_s, os.killpg, (process.pid, signal.SIGKILL))
        killer.daemon = True
        killer.start()
        # Not Popen.wait: only wait4 says what this one process used.
        _, raw, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        in_time = killer.is_alive()
        killer.cancel()
        status = process.returncode = os.waitstatus_to_exitcode(raw)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if not in_time:
        raise TimeLimitError(f"no answer in {timeout_s:g} s")
    if expect is not None and status != expect:
        raise BenchError(
            f"status {status}, expected {expect}: {_shown(command)}\n{text[-_MAX_OUTPUT:]}"
        )
    return Cost(
        cpu_s=used.ru_utime + used.ru_stime,
        wall_s=wall_s,
        peak_bytes=used.ru_maxrss * _RSS_UNIT,
        status=status,
        output=text,
    )


def _shown(command: Sequence[str]) -> str:
    return " ".join(Path(part).name if os.sep in part else part for part in command)


def alternate(contenders: Mapping[str, Callable[[], T]], *, rounds: int) -> dict[str, list[T]]:
    """Let the contenders take turns and collect what each returns; every second round runs backwards.

    So a machine that slows down or speeds up does so for all of them.
    """
    found: dict[str, list[T]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            found[name].append(contenders[name]())
    return found


def cpu_s(costs: Sequence[Cost]) -> float:
    """The median CPU time of several runs."""
    return statistics.median(cost.cpu_s for cost in costs)


def wall_s(costs: Sequence[Cost]) -> float:
    """The median time on the clock of several runs."""
    return statistics.median(cost.wall_s for cost in costs)


def timed(action: Callable[[], object]) -> float:
    """CPU seconds of one call in this process, which begins with no garbage."""
    gc.collect()
    started = time.process_time()
    action()
    return time.process_time() - started

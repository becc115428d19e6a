"""Commands in a real shell, one after the other, each with its output and exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aos_workflow.determinism import SystemEntropy

__all__ = ["Done", "run_commands"]

_MAX_OUTPUT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to: both streams together, and its exit code; ``None`` if it never ended."""

    output: str
    exit_code: int | None


def run_commands(
    commands: Sequence[str], *, folder: Path, environment: Mapping[str, str], limit_s: float
) -> list[Done]:
    """Run commands in one bash, so that what one exports or enters stays for the next.

    Those that the shell did not come to, because it ended or the time was over, are missing; the one in which it
    ended has no exit code.
    """
    mark = SystemEntropy().token_hex(16)
    script = "".join(
        f"{{ {text}\n}} </dev/null 2>&1\nprintf '\\n{mark} %d\\n' $?\n" for text in commands
    )
    with (
        tempfile.TemporaryFile() as output
    ):  # not a pipe: what goes on in the background would keep it open
        process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-c", script],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        text = output.read(_MAX_OUTPUT_BYTES * len(commands)).decode(errors="replace")
    return _split(text, mark, len(commands))


def _split(text: str, mark: str, count: int) -> list[Done]:
    done = []
    for _ in range(count):
        part, found, rest = text.partition(f"\n{mark} ")
        if not found:
            break
        code, _, text = rest.partition("\n")
        done.append(Done(part[-_MAX_OUTPUT_BYTES:], int(code)))
    if len(done) < count:
        done.append(Done(text[-_MAX_OUTPUT_BYTES:], None))
    return done

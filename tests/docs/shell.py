"""A real shell in an empty folder, one for each page: what a page exports or enters stays for its later blocks."""

from __future__ import annotations

import os
import secrets
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

__all__ = ["PLUGINS", "Shell"]

LIMIT_S = 60.0
WIDTH = 100

# Installed to be tested against; a page that is about one of them asks for it.
PLUGINS = {
    "anyio": ("anyio",),
    "asyncio": ("asyncio",),
    "hypothesis": ("hypothesispytest",),
    "repeat": ("repeat",),
    "rerunfailures": ("rerunfailures",),
    "xdist": ("xdist", "xdist.looponfail"),
}
_NEVER = (
    "inline_snapshot",
    "langsmith_plugin",
    "pytest-datadir",
    "regressions",
    "syrupy",
    "valkey",
)
# What a contributor or a CI system may have set, and what would change the pages' output.
_UNSET = (
    "CI",
    "COLUMNS",
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "NO_COLOR",
    "PYTHONHASHSEED",
    "VIRTUAL_ENV",
)
_UNSET_PREFIXES = ("COV_", "GIT_", "GOLDEN_", "PYTEST_")


class Shell:
    """A bash that reads commands one by one."""

    def __init__(self, folder: Path, plugins: frozenset[str] = frozenset()) -> None:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=_environment(folder, plugins),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._mark = secrets.token_hex(8)

    def __enter__(self) -> Shell:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, command: str) -> tuple[str, int]:
        """Output (both streams) and exit code of a command, which may have several lines.

        Raises:
            TimeoutError: it took longer than a minute.
            EOFError: it ended the shell.
        """
        assert self._process.stdin is not None
        script = f"{{ {command}\n}} </dev/null\nprintf '\\n{self._mark} %d\\n' $?\n"
        self._process.stdin.write(script.encode())
        self._process.stdin.flush()
        output = self._read_up_to_mark(command)
        text, _, rest = output.rpartition(f"\n{self._mark} ".encode())
        return text.decode(errors="replace"), int(rest)

    def _read_up_to_mark(self, command: str) -> bytes:
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        mark = f"\n{self._mark} ".encode()
        end = time.monotonic() + LIMIT_S
        output = b""
        while not (mark in output and output.endswith(b"\n")):
            if not select.select([handle], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError(f"no end after {LIMIT_S:.0f} s: {command}\n{output.decode()}")
            part = os.read(handle, 1 << 16)
            if not part:
                raise EOFError(f"the shell ended with: {command}\n{output.decode()}")
            output += part
        return output


def _environment(folder: Path, plugins: frozenset[str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _UNSET and not name.startswith(_UNSET_PREFIXES)
    }
    off = [*_NEVER, *(name for key in PLUGINS if key not in plugins for name in PLUGINS[key])]
    return {
        **kept,
        "COLUMNS": str(WIDTH),
        "GIT_AUTHOR_EMAIL": "you@example.org",
        "GIT_AUTHOR_NAME": "You",
        "GIT_COMMITTER_EMAIL": "you@example.org",
        "GIT_COMMITTER_NAME": "You",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTEST_ADDOPTS": " ".join(f"-p no:{name}" for name in off),
        "TERM": "dumb",
    }

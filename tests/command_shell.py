"""Commands as an operator types them: a folder, an environment, real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["CommandShell", "same_shape", "without_ours"]

_OURS = ("GOLDEN_", "AOS_", "WORKFLOW_", "DATABASE_", "REDIS_", "POLICY_", "BUDGET_", "DEFAULT_")
LIMIT_S = 60


def without_ours() -> dict[str, str]:
    """The environment of the tests, without what configures us."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


class CommandShell:
    """Runs ``aos-workflow`` in a folder."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        self.environment = without_ours() | {"PYTHONPATH": path} | environment

    def python(self, code: str) -> str:
        """What a program prints in the folder."""
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=LIMIT_S,
            check=True,
        ).stdout

    def run(
        self, *arguments: str | Path, expect: int = 0, program: str = "main", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """One command; its exit code is checked, and that no traceback is shown."""
        script = f"import sys; from aos_workflow.cli import {program}; sys.exit({program}())"
        done = subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == expect, (arguments, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def long(self, *arguments: str | Path) -> None:
        """One command that takes minutes, and must succeed."""
        script = "import sys; from aos_workflow.cli import main; sys.exit(main())"
        done = subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30 * LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)

    def text(self, *arguments: str | Path, expect: int = 0, **environment: str) -> str:
        """What it prints."""
        return self.run(*arguments, expect=expect, **environment).stdout

    def refusal(self, *arguments: str | Path, **environment: str) -> str:
        """What it says to bad input: exit code 2, nothing on standard output."""
        done = self.run(*arguments, expect=2, **environment)
        assert done.stdout == ""
        return done.stderr

    def json(self, *arguments: str | Path, expect: int = 0, **environment: str) -> Any:
        """Its one JSON document; ``ok`` says the same as the exit code."""
        done = self.run(*arguments, "--json", expect=expect, **environment)
        assert done.stderr == ""
        found = json.loads(done.stdout)
        assert isinstance(found["ok"], bool)
        if expect == 2:
            assert set(found["error"]) >= {"code", "category", "message"}
        return found


def same_shape(found: Any, shape: Mapping[str, Any] | type | tuple[type, ...]) -> bool:
    """Whether a JSON value has exactly these fields of these types."""
    if isinstance(shape, Mapping):
        return (
            isinstance(found, dict)
            and set(found) == set(shape)
            and all(same_shape(found[name], shape[name]) for name in shape)
        )
    if isinstance(shape, list):
        return isinstance(found, list) and all(same_shape(each, shape[0]) for each in found)
    return isinstance(found, shape)

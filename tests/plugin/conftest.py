"""A project in a temporary folder, and pytest runs in it that see nothing of the run around them."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

# Loaded here once, or each run in this process would load them anew.
import aos_workflow.golden.explain  # noqa: F401
import pytest_aos_golden.compare
import pytest_aos_golden.differences
import pytest_aos_golden.recording
import pytest_aos_golden.report_files  # noqa: F401

PLUGINS = (
    "anyio",
    "asyncio",
    "hypothesispytest",
    "inline_snapshot",
    "langsmith_plugin",
    "pytest-datadir",
    "regressions",
    "repeat",
    "platformdirs",
    "rerunfailures",
    "schemathesis",
    "syrupy",
    "valkey",
    "xdist",
    "xdist.looponfail",
)
"""Installed plugins, by entry point. Left out of these runs unless asked for: each costs time at every start."""
_HIDDEN = (
    "CI",
    "GITHUB_ACTIONS",
    "GITHUB_WORKSPACE",
    "GOLDEN_DIR",
    "GOLDEN_HMAC_SECRET",
    "GOLDEN_KEY_FILE",
    "GOLDEN_SECRET",
    "PYTEST_ADDOPTS",
    "PYTEST_CURRENT_TEST",
    "PYTEST_XDIST_WORKER",
    "PYTEST_XDIST_WORKER_COUNT",
    "PYTEST_XDIST_TESTRUNUID",
    "PYTHONHASHSEED",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD",
)


_OWN_PROCESS = (
    "numpy",
    "pandas",
    "attrs",
    "KeyboardInterrupt",
    "_exit(",
    "SIGKILL",
    "sys.modules",
    "tracemalloc",
)
"""What a test file cannot do in a process that it shares: load an extension twice, end it, count what it holds."""


class Inner:
    """A small project and the pytest runs in it, each in a process of its own."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.root: Path = pytester.path
        self.monkeypatch = monkeypatch
        self.golden_dir = self.root / "fixtures" / "golden"
        self.fresh = False
        """Whether every run needs a process of its own."""
        self.ini()

    def ini(self, *lines: str, use: tuple[str, ...] = (), doctor: bool = False) -> None:
        """Write pytest.ini; each line is a setting. ``use`` names plugins that the runs need.

        ``doctor`` lets recordings ask the doctor for lines, which costs seconds.
        """
        blocked = " ".join(f"-p no:{name}" for name in PLUGINS if name not in use)
        asks = f"golden_doctor_refused = {str(doctor).lower()}"
        text = ["[pytest]", f"addopts = {blocked}", asks, *lines]
        (self.root / "pytest.ini").write_text("\n".join(text) + "\n")

    def file(self, name: str, text: str) -> Path:
        """Write a file of the project; an edit is seen by the next run."""
        self.fresh = self.fresh or any(word in text for word in _OWN_PROCESS)
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for cached in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            cached.unlink()
        importlib.invalidate_caches()
        return path

    def run(self, *args: str, fresh: bool = False, **env: str) -> pytest.RunResult:
        """Run pytest in the project with these arguments and variables.

        In this process, which is ten times faster, unless a process is what the test is about: workers, hash seeds,
        interruptions, what is loaded; then ``fresh``.
        """
        fresh = fresh or self.fresh or "PYTHONHASHSEED" in env or "-n" in args
        run = self.pytester.runpytest_subprocess if fresh else self.pytester.runpytest_inprocess
        with self.monkeypatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            return run(*args)

    def record(self, *args: str, fresh: bool = False, **env: str) -> pytest.RunResult:
        """Record, with one evaluation of each test: a repeat costs a process, and most tests are not about it."""
        return self.run("--golden-record", "--golden-repeat=1", *args, fresh=fresh, **env)

    def recorded(self, *args: str, **env: str) -> None:
        """Record, and see to it that this worked."""
        assert self.record(*args, **env).ret == 0

    def verify(self, *args: str, **env: str) -> pytest.RunResult:
        return self.run("--golden-verify", *args, **env)

    @property
    def goldens(self) -> list[Path]:
        """Every file in the golden folder, hidden ones too."""
        return sorted(path for path in self.golden_dir.rglob("*") if path.is_file())

    @property
    def values(self) -> dict[str, Any]:
        """The recorded values, by key."""
        documents = [json.loads(path.read_bytes()) for path in self.goldens]
        return {doc["golden"]["key"]: doc.get("value") for doc in documents}

    def snapshot(self) -> dict[str, bytes]:
        """The content of the golden folder."""
        return {str(path.relative_to(self.root)): path.read_bytes() for path in self.goldens}

    def without_provenance(self) -> dict[str, Any]:
        """The content of the golden folder but for when and where it was recorded."""
        found = {}
        for path in self.goldens:
            document = json.loads(path.read_bytes())
            del document["golden"]["provenance"]
            found[str(path.relative_to(self.root))] = document
        return found


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Inner:
    """An empty project. Runs in it are not told that they run in CI."""
    for name in _HIDDEN:
        monkeypatch.delenv(name, raising=False)
    return Inner(pytester, monkeypatch)


def text_of(result: pytest.RunResult) -> str:
    """Everything that a run printed."""
    return result.stdout.str() + result.stderr.str()

"""A test as a function: run in an examined process, its golden values are what it returns.

The doctor calls :func:`values` in processes of its own. Each runs pytest anew for one test, in the mode of a
recording's repeat: values are compared with no golden, and nothing is written into the project.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pytest_aos_golden.compare
import pytest_aos_golden.differences
import pytest_aos_golden.outcome
import pytest_aos_golden.test_run  # noqa: F401 - all loaded before the process is multiplied
from aos_workflow.doctor.child.run import current
from pytest_aos_golden.repeating import read_observations, write_wanted

__all__ = ["TestFailedError", "values"]


class TestFailedError(Exception):
    """The test did not come to its goldens, or did not pass."""

    __test__ = False


def values(
    arguments: Sequence[str], root: str, nodeid: str, *, collect_only: bool = False
) -> dict[str, Any]:
    """The golden values of one test, by the names of its goldens.

    ``arguments`` are those of the run that examines; what they select is replaced by the one test. With
    ``collect_only`` its modules are loaded and nothing runs.

    Raises:
        TestFailedError: with the end of pytest's own explanation.
    """
    with _watching(active=False):
        more = ["--collect-only"] if collect_only else []
        return _values([*arguments, *more], root, nodeid)


def _values(arguments: Sequence[str], root: str, nodeid: str) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="golden-doctor-"))
    try:
        write_wanted(folder, [nodeid], reverse=False)
        only = _Only(f"{root}/{nodeid}")
        own = [f"--golden-observe={folder}", f"--rootdir={root}", f"--basetemp={folder / 'tmp'}"]
        quiet = [
            "--assert=plain",
            "--capture=no",
            "-q",
            f"--override-ini=cache_dir={folder / 'cache'}",
        ]
        code = pytest.main([*arguments, *own, *quiet], plugins=[only])
        if code != pytest.ExitCode.OK:
            raise TestFailedError(only.said or f"pytest ended with {code!r}")
        return {} if "--collect-only" in arguments else _observed(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _observed(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, seen in read_observations(folder).items():
        name = key.rpartition("#")[2] if "#" in key else "golden"
        text = folder / f"{seen[-1].staged}.text"
        value = json.loads(text.read_bytes()) if text.exists() else seen[-1].hash
        found[key if name in found else name] = value
    if not found:
        raise TestFailedError("the test compared no golden")
    return found


class _Only:
    """One test instead of what the command line selects, watched by the doctor while it or its module runs."""

    def __init__(self, test: str) -> None:
        self.test = test
        self.said = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> None:
        config.args[:] = [self.test]
        for name, value in (("numprocesses", 0), ("dist", "no"), ("tx", []), ("no_cov", True)):
            if hasattr(config.option, name):
                setattr(config.option, name, value)

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        session: Any = config.pluginmanager.get_plugin("aos-golden-session")
        session.quiet = partial(_watching, active=False)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self) -> Iterator[None]:
        with _watching(active=True):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Iterator[None]:
        with _watching(active=True):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        with _watching(active=True):
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed or report.skipped:
            self._say(report.longreprtext)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._say(report.longreprtext)

    def _say(self, text: str) -> None:
        lines = [
            line.removeprefix("E").strip() for line in text.splitlines() if line.startswith("E ")
        ]
        self.said = self.said or (lines or text.strip().splitlines() or [""])[0][:200]


@contextmanager
def _watching(*, active: bool) -> Iterator[None]:
    """Whether what is read counts as read by the user: not what a test runner reads for itself."""
    run = current()
    before, run.active = run.active, active
    try:
        yield
    finally:
        run.active = before

"""Tests that are simulations: run in place of the test's body, failed with the command that shows it again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pytest_aos_golden.shadow_marks import ShadowMark, read_mark

__all__ = ["ShadowTests"]

_FOLDER = "aos-shadow"
_MOST_NAME = 120


class ShadowTests:
    """A plugin of its own. A test without the marker passes it by."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> object | None:
        """Call the test for what it returns, and simulate that."""
        try:
            mark = read_mark(pyfuncitem)
        except pytest.UsageError as error:
            pytest.fail(str(error), pytrace=False)
        if mark is None:
            return None
        if not mark.cycles:
            pytest.skip("--shadow-cycles 0")
        names = pyfuncitem._fixtureinfo.argnames
        returned = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
        _simulate(pyfuncitem, mark, returned)
        return True


def _simulate(item: pytest.Function, mark: ShadowMark, returned: Any) -> None:
    from aos_workflow.errors import AosError
    from aos_workflow.testing import simulate

    what = [*mark.workflows, *([] if returned is None else [returned])]
    if not what:
        pytest.fail(
            f"{item.nodeid}: nothing to simulate; return a workflow, or name one in @pytest.mark.shadow",
            pytrace=False,
        )
    try:
        result = simulate(
            *what, cycles=mark.cycles, faults=mark.faults, seed=mark.seed, folder=_folder(item)
        )
    except AosError as error:
        pytest.fail(f"the simulation cannot run: {error}", pytrace=False)
    item.add_report_section("call", "shadow", str(result))
    if not result.ok:
        pytest.fail(str(result), pytrace=False)


def _folder(item: pytest.Function) -> Path:
    """Where the mismatches of a test are kept: in pytest's cache, so that the command works tomorrow."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", item.nodeid)[-_MOST_NAME:].strip("._")
    cache = getattr(item.config, "cache", None)  # none under -p no:cacheprovider
    if cache is None:
        return item.config.rootpath / f".{_FOLDER}" / name
    folder = Path(cache.mkdir(_FOLDER))
    return _relative(folder) / name


def _relative(path: Path) -> Path:
    """As seen from where the command will be typed."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

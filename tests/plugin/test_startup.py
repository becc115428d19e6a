"""A run that uses no golden pays next to nothing for the plugin."""

from __future__ import annotations

import statistics
import subprocess
import sys

from tests.plugin.conftest import Inner, text_of

HEAVY = (
    "pydantic",
    "deepdiff",
    "orjson",
    "freezegun",
    "hypothesis",
    "numpy",
    "aos_workflow.golden.walk",
)


def test_a_run_without_goldens_loads_nothing_heavy(inner: Inner) -> None:
    inner.fresh = True
    inner.file(
        "test_a.py",
        f"import sys\ndef test_it():\n    assert [n for n in {HEAVY!r} if n in sys.modules] == []\n",
    )
    assert inner.run().ret == 0
    assert inner.verify().ret == 0


def test_a_matching_run_loads_no_differ(inner: Inner) -> None:
    inner.fresh = True
    inner.file(
        "test_a.py",
        "import sys\ndef test_it(golden):\n    assert 1 == golden\n"
        "    names = ('pydantic', 'deepdiff', 'freezegun', 'aos_workflow.golden.diff')\n"
        "    assert [n for n in names if n in sys.modules] == []\n",
    )
    inner.recorded()
    result = inner.verify()
    assert result.ret == 0, text_of(result)


def test_importing_the_plugin_takes_milliseconds() -> None:
    """15 ms of processor time is the promise: the median of several starts, and room for a slow machine."""
    code = (
        "import pytest, time; began = time.process_time(); import pytest_aos_golden.plugin, "
        "pytest_aos_golden.outcome, pytest_aos_golden.session; print(time.process_time() - began)"
    )
    took = [
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
        for _ in range(7)
    ]
    assert statistics.median(took) < 0.045

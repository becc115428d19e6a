"""The benchmarks run, and say what they found in a form that programs read. What a short sample measures is noise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench.__main__ import BENCHMARKS
from bench.report import Figure, Report, Table, to_markdown

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60


def run_quick(name: str) -> dict[str, Any]:
    """The JSON line of a short run."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", name, "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_short_run_prints_a_json_line(name: str) -> None:
    found = run_quick(name)
    assert found["benchmark"] == name
    assert found["quick"] is True
    assert found["command"] == f"python -m bench {name} --quick"
    assert set(found["machine"]) == {"python", "cpus", "system"}
    assert found["figures"] or found["tables"]
    for figure in found["figures"]:
        assert set(figure) == {"name", "value", "unit", "bar", "better", "reached"}
        assert isinstance(figure["value"], int | float)
        assert (figure["bar"] is None) == (figure["reached"] is None)
    for table in found["tables"]:
        assert all(len(row) == len(table["columns"]) for row in table["rows"])


def test_an_unknown_name_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "nonsense"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 2
    assert "no such benchmark: nonsense" in done.stderr


@pytest.mark.parametrize(
    ("better", "value", "reached"),
    [
        ("lower", 1.9, True),
        ("lower", 2.0, True),
        ("lower", 2.1, False),
        ("higher", 1.9, False),
        ("higher", 2.0, True),
        ("exact", 2.0, True),
        ("exact", 1.0, False),
    ],
)
def test_a_missed_bar_is_said_to_be_missed(better: Any, value: float, reached: bool) -> None:
    figure = Figure("cost", value, "x", 2.0, better)
    assert figure.reached is reached
    report = Report("verify", quick=False, figures=[figure])
    assert f"| {'yes' if reached else 'NO'} | `python -m bench verify` |" in to_markdown([report])


def test_a_report_survives_its_json_line() -> None:
    report = Report(
        "verify",
        quick=False,
        title="a title",
        tables=[Table("table", ("name", "us"), (("one", 1.5),))],
        figures=[Figure("cost", 2.5, "x", 2.0)],
        notes=["a note"],
    )
    assert Report.from_json(json.loads(report.json_line())) == report


def test_the_results_name_no_machine_path_or_day() -> None:
    text = to_markdown([Report("verify", quick=False, figures=[Figure("cost", 2.5, "x", 2.0)])])
    assert str(ROOT) not in text
    assert str(Path.home()) not in text

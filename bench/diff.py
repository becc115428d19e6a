"""How fast a difference is found and explained: two 10 MB documents, and a mismatch in a 60,000-line golden."""

from __future__ import annotations

import copy
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.documents import document
from bench.measure import ROOT, BenchError, Cost, TimeLimitError
from bench.measure import run as run_command
from bench.projects import (
    HAND_WRITTEN,
    OURS,
    REGRESSIONS,
    SYRUPY_AMBER,
    Contender,
    Project,
    Values,
    environment,
)
from bench.report import Figure, Report, Table

__all__ = ["run"]

CHANGES = 10
LINES = 60_000
BAR_S = 2.0
BAR_OF_PARSING = 2.0
BAR_OF_DEEPDIFF = 100.0
LIMIT_S = 120.0
"""After that, a contender has given no answer."""


def run(*, quick: bool = False) -> Report:
    """Measure both."""
    report = Report("diff", quick, "finding and explaining differences")
    with tempfile.TemporaryDirectory(prefix="bench-diff-") as folder:
        _two_documents(report, Path(folder), 200_000 if quick else 10_000_000)
    with tempfile.TemporaryDirectory(prefix="bench-diff-") as folder:
        _explained(report, Path(folder), 2_000 if quick else LINES)
    return report


# two parsed documents


def _two_documents(report: Report, folder: Path, size: int) -> None:
    expected = document(size)
    got = changed(expected)
    paths = folder / "expected.json", folder / "got.json"
    for path, value in zip(paths, (expected, got), strict=True):
        path.write_text(json.dumps(value, separators=(",", ":")), encoding="utf-8")
    label = f"{size / 1e6:g} MB"
    rows: list[tuple[str | float, ...]] = []
    ours, _ = _differ("ours and parsers", paths, 1 if report.quick else 7)
    times = ours["cpu_s"]
    for name, what in (
        ("orjson", "orjson.loads, both"),
        ("json", "json.loads, both"),
        ("strict", "our strict reader, both"),
    ):
        rows.append((what, times[name], "", "", times[name] / times["orjson"]))
    several = 1 if report.quick else 3
    for name, rounds in (("ours", several), ("jsonpatch", several), ("deepdiff", 1)):
        try:
            found, cost = _differ(name, paths, rounds)
        except TimeLimitError as error:
            rows.append((f"{name}: {error}", "", "", "", ""))
            continue
        rows.append(_row(name, found, cost, times))
        if name == "deepdiff":
            report.figures.append(
                Figure(
                    f"diff of two {label} documents, times faster than deepdiff",
                    found["cpu_s"]["diff"] / times["diff"],
                    "x",
                    BAR_OF_DEEPDIFF,
                    "higher",
                )
            )
    report.tables.append(
        Table(
            f"two documents of {label}, {CHANGES} changed values and a list element inserted in front",
            ("", "CPU s", "entries", "peak MB", "of orjson parsing both"),
            tuple(rows),
        )
    )
    report.figures[:0] = [
        Figure(
            f"diff of two {label} documents, entries",
            ours["entries"],
            "entries",
            CHANGES + 1,
            "exact",
        ),
        Figure(
            f"diff of two {label} documents, of orjson parsing both",
            times["diff"] / times["orjson"],
            "x",
            BAR_OF_PARSING,
        ),
        Figure(
            f"diff of two {label} documents, of json.loads parsing both",
            times["diff"] / times["json"],
            "x",
            BAR_OF_PARSING,
        ),
    ]
    report.notes.append(
        "The diff works on parsed documents; each differ runs in a process of its own, parsers and our diff take turns "
        "in one. deepdiff runs once. dictdiffer is not in the lock file and is left out."
    )


def _row(
    name: str, found: dict[str, Any], cost: Cost, times: dict[str, float]
) -> tuple[str | float, ...]:
    spent = found["cpu_s"]["diff"]
    return (name, spent, found["entries"], round(cost.peak_bytes / 1e6), spent / times["orjson"])


def _differ(name: str, paths: tuple[Path, Path], rounds: int) -> tuple[dict[str, Any], Cost]:
    cost = run_command(
        [sys.executable, "-m", "bench.differs", name, *map(str, paths), str(rounds)],
        cwd=paths[0].parent,
        env=environment(ROOT),
        timeout_s=LIMIT_S,
    )
    return json.loads(cost.output.splitlines()[-1]), cost


def changed(run: dict[str, Any]) -> dict[str, Any]:
    """A copy of a run with ten changed values, far apart, and one more step in front."""
    got = copy.deepcopy(run)
    steps: list[Any] = got["steps"]
    assert len(steps) >= CHANGES, "too small a document for changes that are far apart"
    for number in range(CHANGES):
        step = steps[(2 * number + 1) * len(steps) // (2 * CHANGES)]
        places = list(_leaves(step))
        holder, key = places[len(places) * (number + 1) // (CHANGES + 1)]
        holder[key] = _other(holder[key])
    front = copy.deepcopy(steps[len(steps) // 3])
    front["step_id"] = "inserted"
    steps.insert(0, front)
    return got


def _leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in pairs:
        if isinstance(item, dict | list):
            yield from _leaves(item)
        else:
            yield value, key


def _other(leaf: Any) -> Any:
    if isinstance(leaf, bool) or leaf is None:
        return not leaf
    return leaf + ("!" if isinstance(leaf, str) else 1)


# a mismatch, as the person sees it


def _explained(report: Report, folder: Path, lines: int) -> None:
    expected, size = _document_of(lines)
    values = Values(folder / "values", [expected, changed(expected)])
    values.write_shift("changed", 1)
    contenders = (
        [OURS, HAND_WRITTEN] if report.quick else [OURS, HAND_WRITTEN, SYRUPY_AMBER, REGRESSIONS]
    )
    rows: list[tuple[str | float, ...]] = []
    for contender in contenders:
        # Ten times the size of the value: a golden is recorded only up to a limit.
        limit = (*(contender.record or ()), "-o", f"golden_max_bytes={10 * size}")
        project = Project.create(
            folder,
            replace(contender, record=limit) if contender is OURS else contender,
            values,
            tests=1,
        )
        project.prepare()
        if contender is OURS and not report.quick:
            lines = _lines_recorded(project)
        rounds = 5 if contender is OURS and not report.quick else 1
        rows.append(_mismatch(report, contender, project, lines, rounds))
    report.tables.append(
        Table(
            f"pytest explains a mismatch in a golden of {lines:,} lines ({size / 1e6:.3g} MB), whole process",
            ("contender", "wall s", "CPU s", "peak MB", "lines printed"),
            tuple(rows),
        )
    )


def _document_of(lines: int) -> tuple[dict[str, Any], int]:
    """A run whose indented JSON has at least so many lines, and its size as compact JSON."""
    size = lines * 20
    while True:
        found = document(size)
        if json.dumps(found, indent=2).count("\n") + 1 >= lines:
            return found, len(json.dumps(found, separators=(",", ":")))
        size += size // 50


def _lines_recorded(project: Project) -> int:
    (path,) = (project.folder / "fixtures").rglob("*.golden.json")
    return path.read_bytes().count(b"\n")


def _mismatch(
    report: Report, contender: Contender, project: Project, lines: int, rounds: int
) -> tuple[str | float, ...]:
    try:
        costs = [
            project.pytest(*contender.verify, plugins=["changed"], expect=1, timeout_s=LIMIT_S)
            for _ in range(rounds)
        ]
    except TimeLimitError as error:
        return (f"{contender.name}: {error}", "", "", "", "")
    wall = statistics.median(cost.wall_s for cost in costs)
    if contender is OURS:
        if ".steps[" not in costs[0].output:
            raise BenchError(f"the mismatch was not explained:\n{costs[0].output}")
        report.figures.append(
            Figure(
                f"mismatch in a {lines:,}-line golden, explained by pytest, wall", wall, "s", BAR_S
            )
        )
    return (
        contender.name,
        wall,
        statistics.median(cost.cpu_s for cost in costs),
        round(max(cost.peak_bytes for cost in costs) / 1e6),
        costs[0].output.count("\n"),
    )

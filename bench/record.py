"""What recording costs: time a golden, alone and with two workers, and the share that waiting for the disk takes."""

from __future__ import annotations

import re
import shutil
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.documents import document
from bench.measure import BenchError, Cost, alternate, cpu_s, wall_s
from bench.projects import BARE, OURS, SYRUPY_AMBER, SYRUPY_JSON, Project, Values
from bench.report import Figure, Report, Table

__all__ = ["run"]

GOLDENS = 400
QUICK_GOLDENS = 20
_ONCE = ("--golden-record", "--golden-repeat=1")
_TWICE = ("--golden-record",)

_SYNC_TIMER = """
import os
import sys
import time

_fsync, _spent = os.fsync, [0.0, 0]


def fsync(handle):
    started = time.perf_counter()
    try:
        return _fsync(handle)
    finally:
        _spent[0] += time.perf_counter() - started
        _spent[1] += 1


os.fsync = fsync


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        sys.__stdout__.write(f"\\nFSYNC {_spent[0]:.6f} {_spent[1]}\\n")
"""


def run(*, quick: bool = False) -> Report:
    """Record the same goldens in every way."""
    report = Report("record", quick, "recording goldens of 2 KB")
    count = QUICK_GOLDENS if quick else GOLDENS
    with tempfile.TemporaryDirectory(prefix="bench-record-") as name:
        folder = Path(name)
        values = Values(folder / "values", (document(2000, seed) for seed in range(count)))
        (values.folder / "sync_timer.py").write_text(_SYNC_TIMER, encoding="utf-8")
        bare = Project.create(folder, BARE, values, tests_per_file=20)
        ours = Project.create(folder, OURS, values, tests_per_file=20)
        bare.prepare()
        contenders: dict[str, Callable[[], Cost]] = {
            BARE.name: bare.verify,
            "bare tests, -n 2": lambda: bare.pytest("-n", "2", plugins=["xdist"]),
            "ours, one evaluation": lambda: _record(ours, *_ONCE),
            "ours, one evaluation, -n 2": lambda: _record(ours, *_ONCE, "-n", "2"),
            "ours, two evaluations (the default)": lambda: _record(ours, *_TWICE),
            "ours, two evaluations, -n 2": lambda: _record(ours, *_TWICE, "-n", "2"),
        }
        if not quick:
            for peer in (SYRUPY_AMBER, SYRUPY_JSON):
                project = Project.create(folder, peer, values, tests_per_file=20)
                contenders[peer.name] = partial(_record_peer, project)
        costs = alternate(contenders, rounds=1 if quick else 3)
    _fill(report, costs, count)
    return report


def _record(project: Project, *options: str) -> Cost:
    """Record from nothing, and make sure that everything was written."""
    folder = project.folder / "fixtures"
    shutil.rmtree(folder, ignore_errors=True)
    plugins = ["sync_timer", *(["xdist"] if "-n" in options else [])]
    cost = project.pytest(*options, plugins=plugins)
    written = sum(1 for _ in folder.rglob("*.golden.json"))
    if written != project.tests:
        raise BenchError(f"{written} of {project.tests} goldens were recorded with {options}")
    return cost


def _record_peer(project: Project) -> Cost:
    for folder in project.folder.rglob("__snapshots__"):
        shutil.rmtree(folder)
    return project.pytest("--snapshot-update")


def _fill(report: Report, costs: dict[str, list[Cost]], count: int) -> None:
    rows = []
    for name, found in costs.items():
        bare = costs["bare tests, -n 2" if name.endswith("-n 2") else BARE.name]
        wall, cpu = wall_s(found), cpu_s(found)
        syncs = [_syncs(cost) for cost in found]
        waited = statistics.median(seconds for seconds, _ in syncs)
        over_cpu = (cpu - cpu_s(bare)) / count * 1e3
        over_wall = (wall - wall_s(bare)) / count * 1e3
        rows.append((name, wall, cpu, over_wall, over_cpu, waited / wall, syncs[0][1] / count))
        if name.startswith("ours"):
            label = f"recording, {name.removeprefix('ours, ')}"
            report.figures.append(Figure(f"{label}, CPU over bare", over_cpu, "ms a golden"))
    report.tables.append(
        Table(
            f"{count} goldens recorded from nothing",
            (
                "",
                "wall s",
                "CPU s",
                "over bare, wall ms a golden",
                "over bare, CPU ms a golden",
                "fsync share of wall",
                "fsyncs a golden",
            ),
            tuple(rows),
        )
    )


def _syncs(cost: Cost) -> tuple[float, int]:
    found = re.search(r"^FSYNC (\S+) (\d+)$", cost.output, re.MULTILINE)
    return (float(found[1]), int(found[2])) if found else (0.0, 0)

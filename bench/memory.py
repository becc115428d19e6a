"""Whether verifying needs more memory for more goldens: peak resident set over that of as many bare tests."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from bench.documents import document
from bench.measure import alternate
from bench.projects import BARE, OURS_STRICT, SYRUPY_AMBER, Project, Values
from bench.report import Figure, Report, Table

__all__ = ["run"]

COUNTS = (200, 2000, 8000)
QUICK_COUNTS = (10, 60)
GOLDEN_BYTES = 2000
BAR_BYTES = 500.0
"""A golden may leave no more than this behind: its line in the run's book, never the golden."""
LARGE = (10, 100)
"""Goldens of 100 KB."""


def run(*, quick: bool = False) -> Report:
    """Measure the peak for several numbers of goldens."""
    report = Report("memory", quick, "peak memory while verifying")
    rounds = 1 if quick else 3
    over = _measure(report, QUICK_COUNTS if quick else COUNTS, GOLDEN_BYTES, rounds)
    first, *_, last = over
    growth = (over[last] - over[first]) / (last - first)
    report.figures.append(
        Figure(
            f"peak memory, growth from {first:,} to {last:,} goldens of 2 KB",
            growth,
            "bytes a golden",
            BAR_BYTES,
        )
    )
    if not quick:
        large = _measure(report, LARGE, 100_000, rounds)
        growth = (large[LARGE[1]] - large[LARGE[0]]) / (LARGE[1] - LARGE[0])
        report.figures.append(
            Figure(
                f"peak memory, growth from {LARGE[0]} to {LARGE[1]} goldens of 100 KB",
                growth,
                "bytes a golden",
            )
        )
    report.notes.append(
        "Peak is ru_maxrss of the whole pytest process, the median of the runs; values are read from disk one by one."
    )
    return report


def _measure(report: Report, counts: tuple[int, ...], size: int, rounds: int) -> dict[int, float]:
    """Our bytes over bare tests, by number of goldens."""
    rows: list[tuple[str | float, ...]] = []
    over: dict[int, float] = {}
    contenders = [BARE, OURS_STRICT] if report.quick else [BARE, OURS_STRICT, SYRUPY_AMBER]
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="bench-memory-") as name:
            folder = Path(name)
            values = Values(folder / "values", (document(size, seed) for seed in range(count)))
            projects = [Project.create(folder, contender, values) for contender in contenders]
            for project in projects:
                project.prepare()
            costs = alternate({p.contender.name: p.verify for p in projects}, rounds=rounds)
        peaks = {n: statistics.median(c.peak_bytes for c in found) for n, found in costs.items()}
        bare = peaks[BARE.name]
        over[count] = peaks[OURS_STRICT.name] - bare
        rows.append(
            (
                f"{count:,}",
                *(round(p / 1e6, 1) for p in peaks.values()),
                *(round((p - bare) / 1e6, 1) for n, p in peaks.items() if n != BARE.name),
            )
        )
    report.tables.append(
        Table(
            f"peak, MB, with goldens of {size / 1000:g} KB",
            (
                "goldens",
                *(c.name for c in contenders),
                *(f"{c.name}, over bare" for c in contenders[1:]),
            ),
            tuple(rows),
        )
    )
    return over

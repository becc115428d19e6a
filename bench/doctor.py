"""What an examination costs, how it grows with the function, and how much slower examined code runs.

How often the doctor is right is another question: ``python -m tests.doctor.table``.
"""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from aos_workflow.doctor import examine
from aos_workflow.doctor.examination import calls_of
from aos_workflow.doctor.lab import Lab
from aos_workflow.doctor.server import Clinic
from aos_workflow.doctor.target import Target
from bench.report import Figure, Report, Table

__all__ = ["run"]

BARS_S = {"quick": 1.0, "default": 5.0}
SLOWER_BAR = 3.0
STEPS_A_MS = 12_000
"""Turns of the loop below that take about a millisecond."""

PURE = "def run(seed):\n    return sum(i * i for i in range({turns})) + seed\n"
SOURCES = """
import random, time
def run(seed):
    rng = random.Random(seed)
    tags = {{f"tag{{i % 7}}" for i in range({turns} // 40)}}
    began = time.monotonic()
    return [sorted(tags), rng.random(), sum(i * i for i in range({turns}))]
"""
HEAVY = {
    "numbers in a loop": "total = 0\n    for i in range(60_000):\n        total += i % 7\n    return total",
    "texts": "return [f'{i}:{i * seed}' for i in range(20_000)][-1]",
    "sets of texts": "return len({f'k{i % 500}' for i in range(20_000)} | {'a', 'b'})",
    "iterating a set": "s = {f'k{i}' for i in range(200)}\n    return sum(len(k) for _ in range(60) for k in s)",
    "dicts": "d = {i: str(i) for i in range(20_000)}\n    return sum(d[k] == 'x' for k in d)",
    "calls of methods": "class A:\n        def f(self, x): return x + 1\n    a = A()\n"
    "    return sum(a.f(i) for i in range(40_000))",
    "sorting": "return sorted(((i * 7919) % 10_007 for i in range(30_000)), key=lambda v: -v)[0]",
}


def run(*, quick: bool = False) -> Report:
    """Measure examinations of small functions, and the control run of busy ones."""
    report = Report("doctor", quick, "what an examination costs")
    rounds = 1 if quick else 5
    sizes_ms = (1, 5) if quick else (1, 5, 25, 125)
    with tempfile.TemporaryDirectory(prefix="bench-doctor-") as temporary:
        folder = Path(temporary)
        _examinations(report, folder, rounds)
        _growth(report, folder, rounds, sizes_ms)
        _slower(report, folder, rounds)
    return report


def _written(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return f"{path}:run"


def _cost(target: str, budget: Any) -> tuple[float, float, int]:
    """Wall and CPU seconds of an examination, and its runs."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    found = examine(target, budget=budget)
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall_s, used_s, found.runs


def _examinations(report: Report, folder: Path, rounds: int) -> None:
    rows: list[tuple[str | float, ...]] = []
    for name, text in (("reads nothing", PURE), ("sets, a clock and a generator", SOURCES)):
        target = _written(folder, f"e{len(rows)}", text.format(turns=5 * STEPS_A_MS))
        for budget, bar in BARS_S.items():
            costs = [_cost(target, budget) for _ in range(rounds)]
            wall_s = min(cost[0] for cost in costs)
            rows.append((name, budget, costs[0][2], wall_s, min(cost[1] for cost in costs)))
            report.figures.append(Figure(f"{budget}, {name}, 5 ms", wall_s, "s", bar))
    columns = ("a function of 5 ms that", "budget", "runs", "wall s", "CPU s")
    report.tables.append(Table("Examinations, best of some", columns, tuple(rows)))


def _growth(report: Report, folder: Path, rounds: int, sizes_ms: tuple[int, ...]) -> None:
    rows: list[tuple[str | float, ...]] = []
    for ms in sizes_ms:
        target = _written(folder, f"g{ms}", PURE.format(turns=ms * STEPS_A_MS))
        wall_s, used_s, runs = min(_cost(target, "quick") for _ in range(rounds))
        rows.append((ms, runs, wall_s, used_s))
    report.tables.append(
        Table("Quick, by the function's own time", ("ms", "runs", "wall s", "CPU s"), tuple(rows))
    )


def _slower(report: Report, folder: Path, rounds: int) -> None:
    rows: list[tuple[str | float, ...]] = []
    for number, (name, body) in enumerate(HEAVY.items()):
        target = _written(folder, f"h{number}", f"def run(seed):\n    {body}\n")
        plain_s, examined_s = _plain_s(target, rounds), _examined_s(target, rounds)
        rows.append((name, plain_s * 1e3, examined_s * 1e3, examined_s / plain_s))
    report.tables.append(
        Table("The control run", ("", "plain ms", "examined ms", "times"), tuple(rows))
    )
    worst = max(float(row[3]) for row in rows)
    typical = statistics.median(float(row[3]) for row in rows)
    report.figures.append(Figure("examined code, times slower, worst", worst, "x", SLOWER_BAR))
    report.figures.append(Figure("examined code, times slower, median", typical, "x"))


def _plain_s(target: str, rounds: int) -> float:
    names: dict[str, Any] = {}
    exec(Path(target.rpartition(":")[0]).read_text(encoding="utf-8"), names)  # noqa: S102 - our own text
    took = []
    for _ in range(5 * rounds):
        began = time.perf_counter()
        names["run"](7)
        took.append(time.perf_counter() - began)
    return min(took)


def _examined_s(target: str, rounds: int) -> float:
    """Seconds of one call in the control run: of a process with eleven calls, less those of one with a single one."""
    where = Target.of(target)
    with Clinic(where) as clinic:
        lab = Lab(clinic, calls_of(where, (7,), None), None, None)
        one, many = lab.calls, lab.calls * 11
        took = []
        for _ in range(rounds + 2):
            single, eleven = (
                lab.execute([lab.job(calls=one)])[0],
                lab.execute([lab.job(calls=many)])[0],
            )
            took.append((eleven["seconds"] - single["seconds"]) / 10)
    return min(took)

"""What verifying goldens costs: CPU of the whole pytest process over that of bare tests, against peers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.documents import document
from bench.measure import Cost, alternate, cpu_s
from bench.projects import (
    BARE,
    HAND_WRITTEN,
    HAND_WRITTEN_FIXTURE,
    HAND_WRITTEN_ROUND_TRIP,
    HAND_WRITTEN_TEXT,
    HAND_WRITTEN_TEXT_FIXTURE,
    INLINE_EXTERNAL,
    NOOP_FUNCTION,
    NOOP_SESSION,
    OURS,
    OURS_SIGNED,
    OURS_STRICT,
    OURS_VOLATILE,
    REGRESSIONS,
    SYRUPY_AMBER,
    SYRUPY_JSON,
    Project,
    Values,
)
from bench.report import Figure, Report, Table

__all__ = ["run"]

_HAND_WRITTEN = (
    HAND_WRITTEN,
    HAND_WRITTEN_FIXTURE,
    HAND_WRITTEN_ROUND_TRIP,
    HAND_WRITTEN_TEXT,
    HAND_WRITTEN_TEXT_FIXTURE,
)
_ALWAYS = (BARE, OURS, OURS_STRICT, HAND_WRITTEN, SYRUPY_AMBER)
_ALL = (
    BARE,
    NOOP_SESSION,
    NOOP_FUNCTION,
    OURS,
    OURS_STRICT,
    OURS_SIGNED,
    OURS_VOLATILE,
    HAND_WRITTEN,
    HAND_WRITTEN_FIXTURE,
    HAND_WRITTEN_ROUND_TRIP,
    HAND_WRITTEN_TEXT,
    HAND_WRITTEN_TEXT_FIXTURE,
    SYRUPY_AMBER,
    SYRUPY_JSON,
    INLINE_EXTERNAL,
)


@dataclass(frozen=True)
class Case:
    """One size of golden, and how many of them."""

    label: str
    goldens: int
    kilobytes: float
    tests_per_file: int
    of_syrupy: float
    """The bar: at most this share of syrupy's cost."""
    of_hand_written: float
    regressions: int
    """Goldens of pytest-regressions, which is too slow for all."""


CASES = (
    Case("2,000 of 2 KB", 2000, 2, 100, 0.4, 0.8, 200),
    Case("200 of 100 KB", 200, 100, 20, 0.12, 0.5, 4),
)
QUICK = (
    Case("40 of 2 KB", 40, 2, 20, 0.4, 0.8, 0),
    Case("4 of 100 KB", 4, 100, 2, 0.12, 0.5, 0),
)


def run(*, quick: bool = False) -> Report:
    """Measure both sizes."""
    report = Report("verify", quick, "verifying goldens, CPU over bare tests")
    for case in QUICK if quick else CASES:
        with tempfile.TemporaryDirectory(prefix="bench-verify-") as folder:
            _measure(case, Path(folder), report, rounds=1 if quick else 5)
    report.notes += [
        "CPU is user and system time of the whole pytest process (wait4), start-up and plugin imports included; every "
        "contender loads its own plugin only.",
        "Held to the bars is pytest --golden-verify. The hand-written forms: assert value == "
        "json.loads(path.read_text()) in each test, the same with a fixture that reads the file, with the value put "
        "through json.dumps and json.loads first, and with json.dumps(indent=2, sort_keys=True) compared as text, in "
        "the test or with a fixture that reads the file. The last does what is nearest to ours: a file that people "
        "review, found by the fixture, and no value taken for another.",
        "Ours applies its default volatile rules and checks hash, seal and provenance of every golden; the "
        "hand-written forms that compare values take 1 and True for equal.",
    ]
    return report


def _measure(case: Case, folder: Path, report: Report, *, rounds: int) -> None:
    size = round(case.kilobytes * 1000)
    documents = [document(size, seed) for seed in range(case.goldens)]
    values = Values(folder / "values", [*documents, *map(later, documents)])
    values.write_shift("other_values", case.goldens)
    contenders = _ALWAYS if report.quick else _ALL
    projects = [
        Project.create(
            folder, contender, values, tests=case.goldens, tests_per_file=case.tests_per_file
        )
        for contender in contenders
    ]
    for project in projects:
        project.prepare()
    costs = alternate({p.contender.name: p.verify for p in projects}, rounds=rounds)
    over_us = {
        name: (cpu_s(found) - cpu_s(costs[BARE.name])) / case.goldens * 1e6
        for name, found in costs.items()
    }
    if case.regressions:
        over_us[REGRESSIONS.name] = _regressions_us(case, folder, values, rounds)
    report.tables.append(_table(case, values, costs, over_us))
    held_to = [(SYRUPY_AMBER, case.of_syrupy)]
    held_to += [(form, case.of_hand_written) for form in _HAND_WRITTEN if form in contenders]
    report.figures += [
        Figure(
            f"verify {case.label}, of the cost of: {other.name}",
            over_us[OURS_STRICT.name] / over_us[other.name],
            "x",
            bar,
        )
        for other, bar in held_to
    ]


def later(value: object) -> object:
    """The same run at another time: every timestamp and every duration is another."""
    if isinstance(value, list):
        return [later(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _at_another_time(key, item) for key, item in value.items()}


def _at_another_time(key: str, item: object) -> object:
    if key == "timestamp" or key.endswith("_at"):
        return str(item).replace("2026-01-01", "2026-02-02")
    if key in ("duration_ms", "took_ms") and isinstance(item, int | float):
        return item + 1
    return later(item)


def _regressions_us(case: Case, folder: Path, values: Values, rounds: int) -> float:
    """Its cost a test, from fewer tests and as many bare ones."""
    few = folder / "few"
    projects = [
        Project.create(few, contender, values, tests=case.regressions)
        for contender in (BARE, REGRESSIONS)
    ]
    for project in projects:
        project.prepare()
    costs = alternate({p.contender.name: p.verify for p in projects}, rounds=min(rounds, 3))
    return (cpu_s(costs[REGRESSIONS.name]) - cpu_s(costs[BARE.name])) / case.regressions * 1e6


def _table(
    case: Case, values: Values, costs: Mapping[str, Sequence[Cost]], over_us: Mapping[str, float]
) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for name, over in over_us.items():
        found = costs.get(name)
        seconds = [cost.cpu_s for cost in found] if found else []
        rows.append(
            (
                name if found else f"{name}, {case.regressions} tests",
                f"{cpu_s(found):.2f} ({min(seconds):.2f}-{max(seconds):.2f})" if found else "",
                round(over),
                over / over_us[SYRUPY_AMBER.name],
                over / over_us[HAND_WRITTEN.name],
            )
        )
    mean = values.bytes_json / len(values)
    return Table(
        f"{case.goldens:,} goldens of {mean / 1000:.3g} KB",
        (
            "contender",
            "CPU s, median (range)",
            "over bare, us a test",
            "of syrupy",
            "of hand-written",
        ),
        tuple(rows),
    )

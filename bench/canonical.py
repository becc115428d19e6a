"""Canonicalise, strip and hash: against orjson with sorted keys and SHA-256, and against the rfc8785 package.

The floor strips nothing and is not RFC 8785: it is what writing and hashing cost with nothing else.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import orjson
import rfc8785

from aos_workflow.golden import DEFAULT_RULES, canonicalize
from bench.documents import document
from bench.measure import alternate
from bench.report import Figure, Report, Table

__all__ = ["run"]

SIZES = (1_000, 100_000, 10_000_000)
BAR_OF_FLOOR = 0.25
BAR_OF_RFC8785 = 5.0
BAR_LINEAR = 1.5
ROUND_S = 0.1
"""Each contender repeats its work for about so long in a round."""


def floor(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def ours(value: Any) -> str:
    return canonicalize(value, DEFAULT_RULES).hash


def package(value: Any) -> str:
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def run(*, quick: bool = False) -> Report:
    """Measure the three on documents of each size."""
    report = Report("canonical", quick, "canonicalise, strip and hash an agent run")
    rows: list[tuple[str | float, ...]] = []
    speeds = []
    for target in SIZES[:2] if quick else SIZES:
        value = orjson.loads(orjson.dumps(document(target)))
        size = len(orjson.dumps(value))
        leaves = canonicalize(value).leaves
        contenders = {
            name: _repeated(action, value, size)
            for name, action in (("floor", floor), ("ours", ours), ("rfc8785", package))
        }
        times = alternate(contenders, rounds=2 if quick else 7)
        median = {name: statistics.median(found) for name, found in times.items()}
        of_floor = statistics.median(
            f / o for f, o in zip(times["floor"], times["ours"], strict=True)
        )
        of_package = statistics.median(
            p / o for p, o in zip(times["rfc8785"], times["ours"], strict=True)
        )
        speeds.append(size / median["ours"])
        rows.append(
            (
                f"{size:,}",
                round(size / leaves, 1),
                *(round(size / median[name] / 1e6) for name in ("floor", "ours", "rfc8785")),
                round(of_floor, 3),
                round(of_package, 1),
            )
        )
        label = f"{size / 1000:,.0f} KB"
        report.figures += [
            Figure(
                f"canonicalise + strip + hash, {label}, of the floor",
                of_floor,
                "x",
                BAR_OF_FLOOR,
                "higher",
            ),
            Figure(
                f"canonicalise + strip + hash, {label}, of rfc8785",
                of_package,
                "x",
                BAR_OF_RFC8785,
                "higher",
            ),
        ]
    report.figures.append(
        Figure(
            "time per byte, largest against medium document",
            speeds[1] / speeds[-1],
            "x",
            BAR_LINEAR,
        )
    )
    columns = (
        "bytes",
        "bytes per leaf",
        "floor MB/s",
        "ours MB/s",
        "rfc8785 MB/s",
        "of floor",
        "of rfc8785",
    )
    report.tables.append(Table("documents", columns, tuple(rows)))
    report.notes.append(
        "The floor is orjson with sorted keys and SHA-256 of OpenSSL: no rules, not RFC 8785. "
        "Ours applies the shipped rules, spells numbers by RFC 8785, counts leaves and rule hits."
    )
    return report


def _repeated(action: Callable[[Any], object], value: Any, size: int) -> Callable[[], float]:
    """Seconds of one call, from as many calls as fill a round."""
    started = time.perf_counter()
    action(value)
    once_s = max(time.perf_counter() - started, 1e-7)
    calls = max(1, min(20_000, int(ROUND_S / once_s)))

    def repeat() -> float:
        started = time.perf_counter()
        for _ in range(calls):
            action(value)
        return (time.perf_counter() - started) / calls

    return repeat

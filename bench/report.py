"""What a benchmark found: a table for people, one JSON line for programs, and the page RESULTS.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.measure import machine

__all__ = ["Figure", "Report", "Table", "to_markdown", "write_results"]

Better = Literal["lower", "higher", "exact"]


@dataclass(frozen=True)
class Figure:
    """One number that matters, and the bar it is held to, if there is one."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    better: Better = "lower"

    @property
    def reached(self) -> bool | None:
        """Whether the bar is reached; ``None`` without one."""
        if self.bar is None:
            return None
        if self.better == "exact":
            return self.value == self.bar
        return self.value <= self.bar if self.better == "lower" else self.value >= self.bar

    @property
    def verdict(self) -> str:
        return {None: "", True: "yes", False: "NO"}[self.reached]

    @property
    def shown_bar(self) -> str:
        if self.bar is None:
            return ""
        sign = {"lower": "<= ", "higher": ">= ", "exact": ""}[self.better]
        return f"{sign}{_number(self.bar)} {self.unit}"

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": _rounded(self.value),
            "unit": self.unit,
            "bar": self.bar,
            "better": self.better,
            "reached": self.reached,
        }


@dataclass(frozen=True)
class Table:
    """Measured rows under a title; cells are text or numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]


@dataclass
class Report:
    """Everything that one benchmark found."""

    benchmark: str
    quick: bool
    title: str = ""
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def command(self) -> str:
        return f"python -m bench {self.benchmark}{' --quick' if self.quick else ''}"

    def to_json(self) -> dict[str, Any]:
        return {
            "benchmark": self.benchmark,
            "title": self.title,
            "command": self.command,
            "quick": self.quick,
            "machine": machine(),
            "figures": [figure.to_json() for figure in self.figures],
            "tables": [
                {
                    "title": table.title,
                    "columns": list(table.columns),
                    "rows": [[_rounded(cell) for cell in row] for row in table.rows],
                }
                for table in self.tables
            ],
            "notes": self.notes,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        tables = [
            Table(t["title"], tuple(t["columns"]), tuple(tuple(row) for row in t["rows"]))
            for t in data["tables"]
        ]
        figures = [
            Figure(f["name"], f["value"], f["unit"], f["bar"], f["better"]) for f in data["figures"]
        ]
        return cls(
            data["benchmark"], data["quick"], data["title"], tables, figures, list(data["notes"])
        )

    def json_line(self) -> str:
        return json.dumps(self.to_json(), ensure_ascii=False)

    def text(self) -> str:
        """The report as people read it in a terminal."""
        lines = [f"== {self.benchmark}: {self.title}"]
        for table in self.tables:
            lines += ["", table.title, *_aligned([table.columns, *table.rows])]
        if self.figures:
            rows = [
                (f.name, f"{_number(f.value)} {f.unit}", f.shown_bar, f.verdict)
                for f in self.figures
            ]
            lines += ["", *_aligned([("figure", "value", "bar", "reached"), *rows])]
        notes = [*self.notes, *(["a short sample: its figures mean nothing"] if self.quick else [])]
        return "\n".join([*lines, "", *(f"note: {note}" for note in notes)])


def to_markdown(reports: Sequence[Report]) -> str:
    """The page RESULTS.md: every bar first, then the tables of each benchmark."""
    found = machine()
    lines = [
        "# Benchmark results",
        "",
        f"Written by `make bench` on {found['python']}, {found['cpus']} CPUs, {found['system']}. "
        "Ratios come from one run in which the contenders took turns; figures are medians. Do not edit.",
        "",
        "| figure | value | bar | reached | command |",
        "|---|---|---|---|---|",
    ]
    for report in reports:
        lines += [
            f"| {f.name} | {_number(f.value)} {f.unit} | {f.shown_bar} | {f.verdict} | `{report.command}` |"
            for f in report.figures
        ]
    for report in reports:
        lines += ["", f"## {report.benchmark}: {report.title}"]
        for table in report.tables:
            lines += ["", f"**{table.title}**", "", *_piped([table.columns, *table.rows])]
        if report.notes:
            lines += ["", *(f"- {note}" for note in report.notes)]
    return "\n".join(lines) + "\n"


def write_results(path: Path, reports: Sequence[Report]) -> None:
    path.write_text(to_markdown(reports), encoding="utf-8")


def _piped(rows: Iterable[Sequence[str | float]]) -> list[str]:
    head, *body = [[_cell(cell) for cell in row] for row in rows]
    return [
        f"| {' | '.join(head)} |",
        "|---" + "|---:" * (len(head) - 1) + "|",
        *(f"| {' | '.join(row)} |" for row in body),
    ]


def _aligned(rows: Iterable[Sequence[str | float]]) -> list[str]:
    cells = [[_cell(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _cell(cell: str | float) -> str:
    return cell if isinstance(cell, str) else _number(cell)


def _number(value: float) -> str:
    """Three significant digits, thousands separated."""
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def _rounded(cell: Any) -> Any:
    return float(f"{cell:.4g}") if isinstance(cell, float) else cell

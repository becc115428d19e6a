"""How fast it is known why two goldens differ, and why a simulation found mismatches: the command as a whole."""

from __future__ import annotations

import copy
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aos_workflow.golden import DEFAULT_RULES, canonicalize
from aos_workflow.golden.hashing import CHAIN_START
from aos_workflow.golden.run_golden import Event, render_event, render_trailer
from aos_workflow.golden.value_golden import render_value_golden
from bench.diff import changed
from bench.documents import document
from bench.measure import Cost, cpu_s, wall_s
from bench.measure import run as run_command
from bench.report import Figure, Report, Table

__all__ = ["run"]

SIZE = 10_000_000
REPORTS = 100_000
BAR_PAIR_S = 3.0
BAR_SUMMARY_S = 10.0
EVERY = 100
"""One cycle in so many is a mismatch."""
WITH_GOLDENS = 200
_PROVENANCE = {"recorded_at": "2026-01-01T00:00:00Z"}


def run(*, quick: bool = False) -> Report:
    """Measure both."""
    report = Report("triage", quick, "why goldens differ")
    rounds = 1 if quick else 3
    with tempfile.TemporaryDirectory(prefix="bench-triage-") as name:
        _pairs(report, Path(name), 200_000 if quick else SIZE, rounds)
    with tempfile.TemporaryDirectory(prefix="bench-triage-") as name:
        _summaries(report, Path(name), 2_000 if quick else REPORTS, rounds)
    report.notes.append(
        "The time of the whole command, median of several: start of Python, reading, checking digests and chains, "
        "aligning, diffing, classifying, writing the JSON document and the HTML page. The second golden has ten "
        "changed values, far apart, and one more step in front; in the value golden, that renumbers later aliases."
    )
    return report


def _command(folder: Path, *arguments: str) -> Cost:
    outputs = ["--output", "out.json", "--html", "out.html"]
    command = [
        sys.executable,
        "-m",
        "aos_workflow.cli",
        "golden",
        "diff-debug",
        *arguments,
        *outputs,
    ]
    return run_command(command, cwd=folder, expect=1)


# two goldens


def _pairs(report: Report, folder: Path, size: int, rounds: int) -> None:
    expected = document(size)
    got = changed(expected)
    label = f"{size / 1e6:g} MB"
    rows = []
    for form, suffix, write in (
        ("run", "steps.jsonl", _run_golden),
        ("value", "golden.json", _value),
    ):
        paths = [folder / f"{side}.{suffix}" for side in "ab"]
        for path, value in zip(paths, (expected, got), strict=True):
            path.write_bytes(write(value))
        arguments = ("--golden-a", paths[0].name, "--golden-b", paths[1].name)
        costs = [_command(folder, *arguments) for _ in range(rounds)]
        found = json.loads((folder / "out.json").read_text(encoding="utf-8"))
        page = (folder / "out.html").stat().st_size
        peak = max(cost.peak_bytes for cost in costs)
        spent = (wall_s(costs), cpu_s(costs))
        rows.append((form, *spent, found["total"], round(peak / 1e6), round(page / 1000)))
        report.figures.append(
            Figure(f"triage of two {form} goldens of {label}", wall_s(costs), "s", BAR_PAIR_S)
        )
    columns = ("form", "wall s", "CPU s", "differences", "peak MB", "page KB")
    report.tables.append(Table(f"two goldens of {label}", columns, tuple(rows)))


def _run_golden(value: Mapping[str, Any]) -> bytes:
    steps = [("step", {**step, "index": index}) for index, step in enumerate(value["steps"])]
    start = {"spec_id": "bench", "seed": 7, "budget_snapshot": {}}
    return _lines([("run_start", start), *steps, ("run_end", {"status": "completed"})])


def _lines(contents: Sequence[tuple[str, Mapping[str, Any]]]) -> bytes:
    lines, events, chain = [], [], CHAIN_START
    for index, (kind, data) in enumerate(contents):
        event = Event(kind, "bench", index, "2026-01-01T00:00:00Z", data)
        line, chain = render_event(event, chain)
        lines.append(line)
        events.append(event)
    return b"".join((*lines, render_trailer(events, chain, provenance=_PROVENANCE)))


def _value(value: Mapping[str, Any]) -> bytes:
    canonical = canonicalize(value, DEFAULT_RULES)
    return render_value_golden(canonical, key="bench", seed=7, provenance=_PROVENANCE, ring=None)


# a simulation


def _summaries(report: Report, folder: Path, count: int, rounds: int) -> None:
    rows = []
    for form in ("segments", "files"):
        name = f"shadow-{form}"
        _simulation(folder / name, count, as_files=form == "files")
        costs = [_command(folder, "--summary-dir", name) for _ in range(rounds)]
        found = json.loads((folder / "out.json").read_text(encoding="utf-8"))
        peak = max(cost.peak_bytes for cost in costs)
        rows.append(
            (
                form,
                wall_s(costs),
                cpu_s(costs),
                len(found["groups"]),
                found["mismatches"],
                round(peak / 1e6),
            )
        )
        what = "a file each" if form == "files" else "segments of 10,000 lines"
        report.figures.append(
            Figure(f"summary of {count:,} cycle reports, {what}", wall_s(costs), "s", BAR_SUMMARY_S)
        )
    columns = ("reports in", "wall s", "CPU s", "causes", "mismatches", "peak MB")
    title = f"{count:,} cycle reports, {WITH_GOLDENS} mismatches with goldens"
    report.tables.append(Table(title, columns, tuple(rows)))


def _simulation(folder: Path, count: int, *, as_files: bool) -> None:
    """The output folder of a simulation in which one cycle in EVERY differs."""
    reports = folder / "reports"
    reports.mkdir(parents=True)
    status = {"state": "done", "cycles": count, "mismatches": count // EVERY}
    (folder / "status.json").write_text(json.dumps(status), encoding="utf-8")
    texts = [json.dumps(_report(number)) for number in range(count)]
    if as_files:
        for number, text in enumerate(texts):
            (reports / f"cycle_{number:07}.json").write_text(text, encoding="utf-8")
    else:
        for at in range(0, count, 10_000):
            lines = "\n".join(texts[at : at + 10_000]) + "\n"
            (reports / f"cycle_{at:07}.jsonl").write_text(lines, encoding="utf-8")
    for number in range(0, min(count, WITH_GOLDENS * EVERY), EVERY):
        _mismatch(folder / "mismatches" / f"cycle_{number:07}", number)


def _report(number: int) -> dict[str, Any]:
    differs = number % EVERY == 0
    kind = number // EVERY % 5
    divergence = {
        "step": f"{kind}:skill",
        "skill": f"skill-{kind}",
        "kind": "output",
        "expected": "a",
        "got": "b",
    }
    return {
        "number": number,
        "seed": 7_000_000 + number,
        "workflow": f"workflow-{kind}",
        "verdict": "mismatch" if differs else "match",
        "primary_hash": f"{number:064x}",
        "shadow_hash": f"{number + differs:064x}",
        "steps": 10,
        "faults": ["timeout"] if number % 3 else [],
        "perturbations": ["clock", "schedule"],
        "cause": None,
        "divergence": divergence if differs else None,
        "message": None,
    }


def _mismatch(folder: Path, number: int) -> None:
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(_report(number)), encoding="utf-8")
    kind = number // EVERY % 5
    steps = document(8_000)["steps"]
    other = copy.deepcopy(steps)
    values = [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
        (0.25, 0.5),
        (3, 4),
        ("x y", "y x"),
        (0.3, 0.1 + 0.2),
    ]
    for side, at in ((steps, 0), (other, 1)):
        side[1]["output"] = {"answer": values[kind][at]}
        side[1]["skill"] = f"skill-{kind}"
    for name, side in (("primary", steps), ("shadow", other)):
        (folder / f"{name}.steps.jsonl").write_bytes(_run_golden({"steps": side}))

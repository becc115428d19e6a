"""How fast golden files are verified, signed and re-signed without pytest, against a plain read of their lines."""

from __future__ import annotations

import hashlib
import json
import statistics
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from aos_workflow.golden import GoldenRecorder, KeyRing, Policy, Rules, files
from aos_workflow.golden.canonical import canonicalize
from aos_workflow.golden.hashing import CHAIN_START
from aos_workflow.golden.run_golden import Event, render_event, render_trailer
from aos_workflow.golden.value_golden import VALUE_SUFFIX, render_value_golden
from bench.documents import document
from bench.measure import alternate, timed
from bench.report import Figure, Report, Table

__all__ = ["run"]

EVENTS = (1_000, 100_000)
QUICK_EVENTS = (100, 1_000)
VALUES = 2_000
QUICK_VALUES = 50
_OLD = KeyRing.of("the old secret of the benchmark")
_NEW = KeyRing.of("the new secret of the benchmark")
_FLOOR = "json.loads and SHA-256 of each line"
_PROVENANCE = {"recorded_at": "2026-01-01T00:00:00Z"}


def run(*, quick: bool = False) -> Report:
    """Measure run goldens of two lengths, and a folder of value goldens."""
    report = Report("files", quick, "golden files without pytest")
    with tempfile.TemporaryDirectory(prefix="bench-files-") as name:
        folder = Path(name)
        speeds = [
            _run_golden(report, folder, count, rounds=1 if quick else 3 if count > 10_000 else 15)
            for count in (QUICK_EVENTS if quick else EVENTS)
        ]
        report.figures.append(
            Figure(
                "verify a run golden, events/s of the long one of the short one",
                speeds[-1] / speeds[0],
                "x",
            )
        )
        _value_goldens(report, folder, QUICK_VALUES if quick else VALUES, rounds=1 if quick else 5)
    report.notes.append(
        "CPU time of one process. Signing reads, verifies, seals and writes the file; re-signing verifies with the "
        "old key first. Recording goes through GoldenRecorder, one event after the other."
    )
    return report


def _run_golden(report: Report, folder: Path, count: int, *, rounds: int) -> float:
    """Fill in the table of one length; return how many events are verified a second."""
    data = _run_of(count)
    path = folder / f"run-{count}.steps.jsonl"
    path.write_bytes(data)
    unsigned, signed = folder / "unsigned.steps.jsonl", folder / "signed.steps.jsonl"
    path_signed = folder / f"signed-{count}.steps.jsonl"
    path_signed.write_bytes(data)
    files.sign(path_signed, _OLD)

    def fresh(target: Path, source: Path, action: Callable[[], object]) -> float:
        target.write_bytes(source.read_bytes())
        return timed(action)

    contenders: Mapping[str, Callable[[], float]] = {
        _FLOOR: lambda: timed(lambda: _floor(path, json.loads)),
        "orjson.loads and SHA-256 of each line": lambda: timed(lambda: _floor(path, orjson.loads)),
        "verify": lambda: timed(lambda: _verified(path)),
        "verify, signed": lambda: timed(lambda: _verified(path_signed, _OLD)),
        "sign": lambda: fresh(unsigned, path, lambda: files.sign(unsigned, _OLD)),
        "re-sign": lambda: fresh(signed, path_signed, lambda: files.sign(signed, _NEW, check=_OLD)),
    }
    times = alternate(contenders, rounds=rounds)
    times["record"] = [timed(lambda: _record(folder, count))]
    medians = {name: statistics.median(found) for name, found in times.items()}
    floor = medians[_FLOOR]
    report.tables.append(
        Table(
            f"a run golden of {count:,} events ({len(data) / 1e6:.3g} MB)",
            ("", "CPU s", "events/s", "of the floor's time"),
            tuple((name, s, round(count / s), s / floor) for name, s in medians.items()),
        )
    )
    report.figures += [
        Figure(
            f"verify a run golden of {count:,} events",
            round(count / medians["verify"]),
            "events/s",
            None,
            "higher",
        ),
        Figure(
            f"verify a run golden of {count:,} events, of json.loads and SHA-256",
            medians["verify"] / floor,
            "x",
        ),
    ]
    return count / medians["verify"]


def _events_data(count: int) -> list[dict[str, Any]]:
    """Steps without their texts: about 300 bytes each, so that 100,000 stay within the limit of a file."""
    kept = (
        "step_id",
        "index",
        "skill",
        "skill_version",
        "status",
        "attempt",
        "duration_ms",
        "inputs",
    )
    steps = document(8_000)["steps"]
    found = []
    for number in range(count):
        step = {name: steps[number % len(steps)][name] for name in kept}
        digest = hashlib.sha256(b"%d" % number).hexdigest()
        found.append({**step, "index": number, "step_id": f"step-{number}", "output_hash": digest})
    return found


def _run_of(count: int) -> bytes:
    """The file of a run golden with ``count`` events, run_start and run_end among them."""
    lines, events, chain = [], [], CHAIN_START
    start = {"spec_id": "bench", "seed": 7, "budget_snapshot": {}}
    kinds = ["run_start", *["step"] * (count - 2), "run_end"]
    contents = [start, *_events_data(count - 2), {"status": "completed"}]
    for index, (kind, data) in enumerate(zip(kinds, contents, strict=True)):
        event = Event(
            kind, "bench", index, f"2026-01-01T00:{index // 60 % 60:02}:{index % 60:02}Z", data
        )
        line, chain = render_event(event, chain)
        events.append(event)
        lines.append(line)
    return b"".join([*lines, render_trailer(events, chain, provenance=_PROVENANCE)])


def _record(folder: Path, count: int) -> None:
    recorder = GoldenRecorder(folder / f"recorded-{count}")
    recorder.record_run_start("bench", spec_id="bench", seed=7)
    for data in _events_data(count - 2):
        recorder.record_event("bench", "step", data)
    recorder.record_run_end("bench")


def _floor(path: Path, parse: Callable[[bytes], object]) -> None:
    for line in path.read_bytes().splitlines():
        parse(line)
        hashlib.sha256(line).digest()


def _verified(path: Path, ring: KeyRing | None = None) -> None:
    verdict = files.verify(path, ring=ring, policy=Policy.REQUIRE if ring else Policy.INTEGRITY)
    if not verdict:
        raise AssertionError(verdict.error)


def _value_goldens(report: Report, folder: Path, count: int, *, rounds: int) -> None:
    paths = []
    rules = Rules.of(())
    for seed in range(count):
        path = folder / f"{seed}{VALUE_SUFFIX}"
        canonical = canonicalize(document(2_000, seed), rules)
        path.write_bytes(
            render_value_golden(
                canonical,
                key=f"test_bench.py::test_{seed}",
                seed=0,
                provenance=_PROVENANCE,
                ring=None,
            )
        )
        paths.append(path)

    def floor() -> None:
        for path in paths:
            data = path.read_bytes()
            json.loads(data)
            hashlib.sha256(data).digest()

    def verify() -> None:
        for path in paths:
            _verified(path)

    times = alternate(
        {"floor": lambda: timed(floor), "verify": lambda: timed(verify)}, rounds=rounds
    )
    floor_s, verify_s = (statistics.median(times[name]) for name in ("floor", "verify"))
    report.tables.append(
        Table(
            f"{count:,} value goldens of 2 KB",
            ("", "CPU s", "files/s", "of the floor's time"),
            (
                ("json.loads and SHA-256 of each file", floor_s, round(count / floor_s), 1.0),
                ("verify", verify_s, round(count / verify_s), verify_s / floor_s),
            ),
        )
    )
    report.figures.append(
        Figure("verify value goldens of 2 KB", round(count / verify_s), "files/s", None, "higher")
    )

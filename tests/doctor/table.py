"""How well the doctor does on labelled cases: ``python -m tests.doctor.table [FOLDER ...]``."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_workflow.doctor import Examination, examine
from aos_workflow.errors import AosError

HERE = Path(__file__).parent
FOLDERS = [HERE / name for name in ("determinism-cases", "fixtures", "blind", "cases")]


@dataclass
class Score:
    """Counts over cases."""

    cases: int = 0
    broken: int = 0
    detected: int = 0
    controls: int = 0
    alarms: int = 0
    strict: int = 0
    lenient: int = 0
    named: int = 0
    line: int = 0
    near: int = 0
    said: int = 0
    right: int = 0
    pairs: int = 0
    both: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    slowest: float = 0.0

    def add(self, other: Score) -> None:
        """Add the counts of another."""
        for name, value in vars(other).items():
            setattr(
                self,
                name,
                max(self.slowest, value) if name == "slowest" else getattr(self, name) + value,
            )


def accepted(cause: dict[str, Any]) -> set[str]:
    """The labels that stand for a cause."""
    return {cause["label"], *cause.get("also", ())}


def judge(truth: dict[str, Any], found: Examination | None) -> Score:
    """The score of one case."""
    score = Score(cases=1)
    causes = truth["causes"]
    if truth["deterministic"]:
        score.controls = 1
        score.alarms = int(found is None or not found.deterministic)
        return score
    score.broken = 1
    named = [] if found is None else list(found.causes)
    score.detected = int(found is not None and not found.deterministic)
    if named:
        score.strict = int(any(named[0].label == c["label"] for c in causes))
        score.lenient = int(any(named[0].label in accepted(c) for c in causes))
    hits = [(n, c) for n in named for c in causes if n.label in accepted(c)]
    score.named = int(bool(hits))
    score.line = int(any(n.line in {c["line"], *c.get("alt_lines", ())} for n, c in hits))
    score.near = int(
        any(
            abs(n.line - line) <= 3
            for n, c in hits
            for line in (c["line"], *c.get("alt_lines", ()))
        )
    )
    score.said = len(named)
    score.right = sum(any(n.label in accepted(c) for c in causes) for n in named)
    if len(causes) > 1:
        score.pairs = 1
        score.both = int(all(any(n.label in accepted(c) for n in named) for c in causes))
    return score


def examined(path: Path, budget: str) -> tuple[Examination | None, str, float, float]:
    """The examination of a case, its error, wall and CPU seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    try:
        found, error = examine(f"{path}:run", budget=budget), ""
    except AosError as problem:
        found, error = None, str(problem)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found, error, time.monotonic() - began, cpu


def table(folder: Path, budget: str, only: str, verbose: bool) -> Score:
    """Examine every case of a folder and print what came out."""
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    total, by_label = Score(), defaultdict(Score)
    for name, truth in labels.items():
        if only not in name:
            continue
        found, error, seconds, cpu = examined(folder / name, budget)
        score = judge(truth, found)
        score.seconds, score.cpu, score.slowest = seconds, cpu, seconds
        total.add(score)
        for label in {c["label"] for c in truth["causes"]} or {"(control)"}:
            by_label[label].add(score)
        expected = ", ".join(f"{c['label']}:{c['line']}" for c in truth["causes"]) or "-"
        said = ", ".join(f"{c.label}:{c.line}" for c in found.causes) if found else error
        state = "ok" if _good(score) else "BAD"
        if verbose or state == "BAD":
            differs = (
                ""
                if found is None or found.deterministic or found.causes
                else "(differs, nothing named)"
            )
            print(
                f"{state:3} {name:42} {seconds:5.2f}s {found.runs if found else 0:4} | {expected} | {said}{differs}"
            )
            sys.stdout.flush()
    show(by_label, total)
    return total


def _good(s: Score) -> bool:
    return (
        not s.alarms
        and s.detected == s.broken
        and s.lenient == s.broken
        and s.line == s.broken
        and (s.said == s.right and s.both == s.pairs)
    )


def show(by_label: dict[str, Score], total: Score) -> None:
    """Print the figures per label and in all."""
    head = "label cases recall first lenient any line near3 precision both s/case cpu/case".split()  # noqa: SIM905
    print(f"{head[0]:20}" + "".join(f"{h:>10}" for h in head[1:]))
    for label, s in [*sorted(by_label.items()), ("ALL", total)]:
        b = s.broken or 1
        cells = [
            s.cases, f"{s.detected / b:.2f}" if s.broken else f"{s.alarms} alarms", f"{s.strict / b:.2f}",
            f"{s.lenient / b:.2f}", f"{s.named / b:.2f}", f"{s.line / b:.2f}", f"{s.near / b:.2f}",
            f"{s.right / (s.said or 1):.2f}", f"{s.both}/{s.pairs}", f"{s.seconds / s.cases:.2f}",
            f"{s.cpu / s.cases:.2f}",
        ]  # fmt: skip
        print(f"{label:20}" + "".join(f"{c!s:>10}" for c in cells))
    print(
        f"false alarms: {total.alarms} of {total.controls} controls; slowest case {total.slowest:.2f} s"
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="*", type=Path, default=[f for f in FOLDERS if f.exists()])
    parser.add_argument("--budget", default="default")
    parser.add_argument("--only", default="")
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    for folder in options.folders:
        print(f"== {folder.name}")
        table(folder, options.budget, options.only, options.verbose)


if __name__ == "__main__":
    main()

"""The sheet that an exercise leaves behind: for people to sign, for machines to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from aos_workflow.recovery.exercise import Outcome, Verdict

__all__ = ["sheet_data", "sheet_text"]

_CELL = 160


def sheet_data(outcomes: Sequence[Outcome], *, begun_at: str, by: str) -> dict[str, Any]:
    """The sheet as JSON data; ``ok`` if nothing failed."""
    counts = Counter(outcome.verdict for outcome in outcomes)
    return {
        "ok": counts[Verdict.FAILED] == 0 and counts[Verdict.PASSED] > 0,
        "begun_at": begun_at,
        "by": by,
        "counts": {verdict.value: counts[verdict] for verdict in Verdict},
        "steps": [
            {
                "page": each.page,
                "line": each.line,
                "procedure": each.procedure,
                "number": each.number or None,
                "step": each.title,
                "command": each.command,
                "expected": each.expected,
                "actual": each.actual,
                "verdict": each.verdict.value,
                "took_s": each.took_s,
            }
            for each in outcomes
        ],
    }


def sheet_text(outcomes: Sequence[Outcome], *, begun_at: str, by: str) -> str:
    """The sheet as Markdown: the table filled in, the whole output of what failed, and the sign-off."""
    data = sheet_data(outcomes, begun_at=begun_at, by=by)
    lines = ["# Runbook exercise", "", *_head(data), ""]
    lines += ["| # | Step | Command | Expected | Actual | Pass? |", "|---|---|---|---|---|---|"]
    lines += [_row(number, outcome) for number, outcome in enumerate(outcomes, start=1)]
    for outcome in outcomes:
        if outcome.verdict is Verdict.FAILED:
            lines += ["", f"## Failed: {outcome.page}:{outcome.line} {outcome.procedure}", ""]
            lines += [f"    {line}" for line in outcome.actual.splitlines()]
    result = "[x] PASS  [ ] FAIL" if data["ok"] else "[ ] PASS  [x] FAIL"
    sign_off = [
        "Result:        " + result,
        "Notes:         " + "_" * 40,
        "Signature:     " + "_" * 40,
    ]
    return "\n".join([*lines, "", "## Sign-off", "", *(f"    {line}" for line in sign_off), ""])


def _head(data: dict[str, Any]) -> list[str]:
    counts = ", ".join(f"{count} {name}" for name, count in data["counts"].items())
    return [
        f"Exercise date: {data['begun_at']}",
        "",
        f"Conducted by: {data['by']}",
        "",
        f"{counts}.",
    ]


def _row(number: int, outcome: Outcome) -> str:
    command = outcome.command.partition("\n")[0]
    mark = {Verdict.PASSED: "yes", Verdict.FAILED: "NO", Verdict.NOT_RUN: "not run"}
    cells = (
        outcome.number or str(number),
        f"{outcome.procedure}" if outcome.title == outcome.procedure else outcome.title,
        f"`{_cell(command)}`" if command else "",
        _cell(outcome.expected),
        _cell(outcome.actual),
        mark[outcome.verdict],
    )
    return "| " + " | ".join(cells) + " |"


def _cell(text: str) -> str:
    """One line that breaks no table."""
    flat = " / ".join(line.strip() for line in text.splitlines() if line.strip())
    short = flat if len(flat) <= _CELL else flat[: _CELL - 3] + "..."
    return short.replace("|", "\\|").replace("`", "'")

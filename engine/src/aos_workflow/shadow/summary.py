"""What came of a simulation. ``result`` depends on the campaign alone; the rest on machine and moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aos_workflow.shadow.folder import Settings
from aos_workflow.shadow.records import Verdict
from aos_workflow.shadow.tally import Group, Tally

__all__ = ["Summary", "command_of", "summarize"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Summary:
    """``to_json`` is ``summary.json``."""

    passed: bool
    result: Mapping[str, Any]
    run: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        verdict = "PASS" if self.passed else "FAIL"
        return {"format": FORMAT, "verdict": verdict, "result": self.result, "run": self.run}


def summarize(settings: Settings, tally: Tally, folder: Path, run: Mapping[str, Any]) -> Summary:
    """The summary of what was counted."""
    result = {
        "campaign": settings.campaign.to_json(),
        "cycles": tally.cycles,
        "matches": tally.matches,
        "mismatches": tally.mismatches,
        "errors": tally.errors,
        "digest": f"{tally.digest:032x}",
        "groups": [_group(group) for group in tally.groups()],
    }
    commands = {str(group.number): command_of(folder, group) for group in tally.groups()}
    passed = tally.cycles > 0 and tally.mismatches == tally.errors == 0
    return Summary(passed, result, {**run, "folder": str(folder), "commands": commands})


def command_of(folder: Path, group: Group) -> str:
    """What to type to see a group's first finding again."""
    if group.verdict == Verdict.ERROR.value:
        return f"cat {folder}/reports/cycle_{group.number}.json"
    return f"aos-workflow shadow reproduce {folder}/mismatches/cycle_{group.number}"


def _group(group: Group) -> dict[str, Any]:
    return {
        "verdict": group.verdict,
        "workflow": group.workflow,
        "cause": group.cause,
        "place": group.place,
        "count": group.count,
        "first_cycle": group.number,
        "first_seed": group.seed,
    }

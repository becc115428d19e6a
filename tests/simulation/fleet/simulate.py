"""A simulation inside the test's process: everything real, but for the cycles."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.simulation.fleet.scripted import RUNNER

from aos_workflow.shadow.coordinator import Coordinator, Limits
from aos_workflow.shadow.fleet import Fleet, LocalFleet
from aos_workflow.shadow.folder import Folder, Settings
from aos_workflow.shadow.hook import Teller
from aos_workflow.shadow.records import Campaign, CycleReport
from aos_workflow.shadow.schedule import shadow_hash_seed
from aos_workflow.shadow.side import SideSetup
from aos_workflow.shadow.status import Status

QUICK = Limits(tick_s=0.02, status_s=0.05, stall_s=60.0, disk_s=5.0, disk_retry_s=0.05, hook_s=5.0)


class Watcher:
    """Keeps what it is told. ``when_reported`` is called after each time that cycles count."""

    def __init__(self, when_reported: Callable[[], object] = lambda: None) -> None:
        self._when_reported = when_reported
        self.reports: list[CycleReport] = []
        self.statuses: list[Status] = []
        self.warnings: list[str] = []

    def reported(self, reports: Sequence[CycleReport]) -> None:
        self.reports += reports
        self._when_reported()

    def ticked(self, status: Status) -> None:
        self.statuses.append(status)

    def warned(self, text: str) -> None:
        self.warnings.append(text)


def settings(*script: str, seed: int = 1, **given: Any) -> Settings:
    return Settings(Campaign(seed, script), RUNNER, fingerprint="scripted", **given)


def simulate(
    path: Path,
    asked: Settings,
    *,
    workers: int = 1,
    watcher: Watcher | None = None,
    hook: Teller | None = None,
    limits: Limits = QUICK,
    cycle_limit_s: float = 20.0,
    resume: bool = False,
    fleet: Fleet | None = None,
) -> dict[str, Any]:
    """Run it, and return its summary."""
    folder = Folder(path)
    folder.take()
    setup = SideSetup(asked.campaign, asked.runner, cycle_limit_s)
    fleet = fleet or LocalFleet(setup, workers)
    try:
        fleet.start(shadow_hash_seed(asked.campaign.seed, 0))
        if not resume:
            folder.begin(asked)
        coordinator = Coordinator(
            asked, folder, fleet, observer=watcher or Watcher(), hook=hook, limits=limits
        )
        return coordinator.run().to_json()
    finally:
        fleet.close()
        folder.release()


def numbers(path: Path) -> dict[str, list[int]]:
    """The cycles of each verdict that the reports tell of, as they stand there: doubles and all."""
    found: dict[str, list[int]] = {"match": [], "mismatch": [], "error": []}
    for file in sorted((path / "reports").iterdir()):
        text = file.read_text()
        lines = text.splitlines() if file.suffix == ".jsonl" else [text]
        for line in lines:
            report = json.loads(line)
            found[report["verdict"]].append(report["number"])
    return {verdict: sorted(each) for verdict, each in found.items()}

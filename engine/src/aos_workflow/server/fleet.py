"""What is true of the whole fleet, read from the database and from the folders of simulations into the metrics."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from aos_workflow.checkpoint.port import Store
from aos_workflow.checkpoint.records import Census, Controls, WorkerRow
from aos_workflow.determinism import Clock
from aos_workflow.errors import AosError
from aos_workflow.metrics import Registry
from aos_workflow.metrics import catalogue as m
from aos_workflow.server.documents import worker_state

__all__ = ["FleetMetrics"]

_MAX_STATUS_BYTES = 1024 * 1024


class FleetMetrics:
    """Asks at most every ``every_s``, however often the metrics are read, and waits at most ``limit_s``."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        clock: Clock,
        *,
        every_s: float,
        limit_s: float,
        shadow_folders: Sequence[Path] = (),
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._every_s = every_s
        self._limit_s = limit_s
        self._folders = tuple(shadow_folders)
        self._asked_at_s: float | None = None
        self._asking = asyncio.Lock()

    async def refresh(self) -> None:
        """Bring the fleet's metrics up to date. Of a database that does not answer only that is told."""
        async with self._asking:
            now_s = self._clock.monotonic()
            if self._asked_at_s is not None and now_s - self._asked_at_s < self._every_s:
                return
            self._asked_at_s = now_s
            try:
                async with asyncio.timeout(self._limit_s):
                    census = await self._store.census(stale=m.MAX_RUNNING)
                    workers = await self._store.workers()
                    controls = await self._store.controls()
            except (AosError, TimeoutError):
                self._registry[m.DATABASE_UP].value().set(0)
            else:
                self._registry[m.DATABASE_UP].value().set(1)
                self._show(census, workers, controls)
            if self._folders:
                self._show_simulations(await asyncio.to_thread(self._statuses))

    def _show(self, census: Census, workers: Sequence[WorkerRow], controls: Controls) -> None:
        registry = self._registry
        for status in m.LIVE_RUNS.known["status"]:
            registry[m.LIVE_RUNS].value(status).set(0)
        for live, count in census.live.items():
            registry[m.LIVE_RUNS].value(live.value).set(count)
        registry[m.QUEUE_DEPTH].replace({(q,): due.runs for q, due in census.due.items()})
        registry[m.QUEUE_AGE].replace({(q,): due.oldest_s for q, due in census.due.items()})
        registry[m.RUNNING_AGE].replace({(run, flow): age for run, flow, age in census.stale})
        registry[m.APPROVALS].value().set(census.questions)
        registry[m.STOPPED].value().set(controls.stopped)
        now_s = self._clock.now().timestamp()
        states = Counter(worker_state(row, now_s) for row in workers)
        for state in m.WORKERS.known["state"]:
            registry[m.WORKERS].value(state).set(states[state])

    def _statuses(self) -> dict[str, dict[str, Any]]:
        """The ``status.json`` of each simulation that has one."""
        found = {}
        for folder in self._folders:
            try:
                with (folder / "status.json").open("rb") as source:
                    status = json.loads(source.read(_MAX_STATUS_BYTES))
            except (OSError, ValueError):
                continue
            if isinstance(status, dict):
                found[folder.name] = status
        return found

    def _show_simulations(self, statuses: dict[str, dict[str, Any]]) -> None:
        registry = self._registry
        done: dict[tuple[str, ...], float] = {
            (name,): _number(status.get("cycles")) for name, status in statuses.items()
        }
        wrong: dict[tuple[str, ...], float] = {
            (name,): _number(status.get("mismatches")) for name, status in statuses.items()
        }
        updated: dict[tuple[str, ...], float] = {
            (name, str(status.get("state", "unknown"))[:40]): _time_s(status.get("updated_at"))
            for name, status in statuses.items()
        }
        registry[m.SHADOW_CYCLES].replace(done)
        registry[m.SHADOW_MISMATCHES].replace(wrong)
        registry[m.SHADOW_UPDATED].replace(updated)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _time_s(value: object) -> float:
    """Seconds since 1970, of a number or of RFC 3339; 0 of anything else."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            return 0.0
    return _number(value)

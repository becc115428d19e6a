"""Recording into memory: the events of a run as its golden would have them, at the price of keeping them.

A full disk ends the engine's recording, not what is known of the run: two sides are compared, and their difference
explained, by what they did, whatever fitted onto their disks.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from aos_workflow.golden import DEFAULT_RULES, Event, GoldenRecorder
from aos_workflow.golden.canonical import canonical_bytes
from aos_workflow.shadow.strikes import Strikes

__all__ = ["MemoryRecorder"]

_NOWHERE = Path("nowhere")


class MemoryRecorder(GoldenRecorder):
    """A recorder without a folder. Its disk may be full now and then, if ``strikes`` say so."""

    def __init__(self, strikes: Strikes | None) -> None:
        super().__init__(_NOWHERE, rules=DEFAULT_RULES)
        self._strikes = strikes if strikes is not None and strikes.has("event") else None
        self._runs: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}

    def events(self, run_id: str) -> bytes:
        """The events of a run so far, one JSON object a line, without ids and times."""
        lines = [
            _line({"data": data, "event_type": event_type, "index": index})
            for index, (event_type, data) in enumerate(self._runs.get(run_id, ()))
        ]
        return b"\n".join(lines)

    def record_run_start(
        self,
        run_id: str,
        *,
        spec_id: str,
        seed: int,
        budget_snapshot: Mapping[str, Any] | None = None,
        **data: Any,
    ) -> Event:
        self._runs[run_id] = []
        start = {"spec_id": spec_id, "seed": seed, "budget_snapshot": dict(budget_snapshot or {})}
        return self.record_event(run_id, "run_start", {**start, **data})

    def record_event(self, run_id: str, event_type: str, data: Mapping[str, Any]) -> Event:
        index = self.append(run_id, event_type, data)
        return Event(event_type, run_id, index, "", data)

    def append(
        self, run_id: str, event_type: str, data: Mapping[str, Any], *, foreign: bytes | None = None
    ) -> int:
        self._take_room()
        return self._keep(run_id, event_type, data)

    def record_run_end(
        self,
        run_id: str,
        *,
        status: str = "completed",
        order: Sequence[int] | None = None,
        **data: Any,
    ) -> Path:
        self._take_room()
        if order is not None and list(order) != sorted(order):
            self._reorder(run_id, order)
        self._keep(run_id, "run_end", {"status": status, **data})
        return self.folder

    def abandon(self, run_id: str) -> None:
        return None

    def successor(self) -> MemoryRecorder | None:
        """Memory: it takes what the disk had no room for."""
        if self._strikes is None:
            return None
        memory = MemoryRecorder(None)
        memory._runs = self._runs
        return memory

    def _take_room(self) -> None:
        if self._strikes is not None and self._strikes.due("event"):
            raise OSError(errno.ENOSPC, "injected: no space left on device")

    def _keep(self, run_id: str, event_type: str, data: Mapping[str, Any]) -> int:
        events = self._runs[run_id]
        events.append((event_type, data))
        return len(events) - 1

    def _reorder(self, run_id: str, order: Sequence[int]) -> None:
        events = self._runs[run_id]
        for number, (place, (event_type, data)) in enumerate(
            zip(sorted(order), [events[index] for index in order], strict=True)
        ):
            events[place] = (event_type, {**data, "index": number})


def _line(record: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # integers beyond 64 bits
        return canonical_bytes(record)

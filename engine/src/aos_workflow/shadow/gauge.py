"""Readings of a running simulation: rate, memory, disk. Each is taken as often as it is worth its cost."""

from __future__ import annotations

import collections
from collections.abc import Iterable
from pathlib import Path

from aos_workflow.shadow.measure import disk_free_bytes, folder_bytes, memory_bytes
from aos_workflow.shadow.status import Sample

__all__ = ["Gauge"]

_RATE_S = 60.0
_MEMORY_EVERY_S = 5.0
_DISK_EVERY_S = 30.0
_SAMPLES = 240


class Gauge:
    """The last readings. Times are the simulation's, so that resumed runs go on with one."""

    def __init__(self, folder: Path, elapsed_s: float, cycles: int) -> None:
        self._folder = folder
        self._points = collections.deque([(elapsed_s, cycles)])
        self._memory_s = self._disk_s = float("-inf")
        self._sample_every_s = 60.0
        self.memory_bytes = self.peak_bytes = 0
        self.disk_free_bytes = self.disk_used_bytes = 0
        self.rate_per_s = 0.0
        self.samples: tuple[Sample, ...] = ()

    def hurry(self) -> None:
        """Read everything at the next reading."""
        self._memory_s = self._disk_s = float("-inf")

    def read(self, elapsed_s: float, cycles: int, processes: Iterable[int]) -> None:
        """Take the readings whose turn has come."""
        self._read_rate(elapsed_s, cycles)
        if elapsed_s - self._memory_s >= _MEMORY_EVERY_S:
            self._memory_s = elapsed_s
            self.memory_bytes = memory_bytes(processes)
            self.peak_bytes = max(self.peak_bytes, self.memory_bytes)
        if elapsed_s - self._disk_s >= _DISK_EVERY_S:
            self._disk_s = elapsed_s
            self.disk_free_bytes = disk_free_bytes(self._folder)
            self.disk_used_bytes = folder_bytes(self._folder)
        self._read_sample(elapsed_s, cycles)

    def _read_rate(self, elapsed_s: float, cycles: int) -> None:
        """Cycles per second over the last minute."""
        points = self._points
        points.append((elapsed_s, cycles))
        while len(points) > 2 and points[1][0] < elapsed_s - _RATE_S:
            points.popleft()
        seconds = elapsed_s - points[0][0]
        self.rate_per_s = (cycles - points[0][1]) / seconds if seconds > 0 else 0.0

    def _read_sample(self, elapsed_s: float, cycles: int) -> None:
        if self.samples and elapsed_s - self.samples[-1].elapsed_s < self._sample_every_s:
            return
        self.samples += (Sample(round(elapsed_s, 1), cycles, self.memory_bytes),)
        if len(self.samples) > _SAMPLES:
            self.samples = self.samples[::2]
            self._sample_every_s *= 2

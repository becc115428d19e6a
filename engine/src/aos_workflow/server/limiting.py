"""Token buckets: how many requests somebody may send. Pure: time is handed in."""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["Buckets"]

_MOST = 10_000


class Buckets:
    """A bucket for each key of ``burst`` tokens, of which ``per_s`` come back each second; the 10,000 latest keys."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now_s: float) -> float:
        """Take a token; 0, or the seconds until there is one."""
        left = self._left(key, now_s)
        taken = left >= 1.0
        self._buckets[key] = (left - 1.0 if taken else left, now_s)
        self._buckets.move_to_end(key)
        if len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1.0 - left) / self._per_s

    def wait_s(self, key: str, now_s: float) -> float:
        """The seconds until there is a token, without taking one."""
        left = self._left(key, now_s)
        return 0.0 if left >= 1.0 else (1.0 - left) / self._per_s

    def _left(self, key: str, now_s: float) -> float:
        tokens, at_s = self._buckets.get(key, (self._burst, now_s))
        return min(self._burst, tokens + max(0.0, now_s - at_s) * self._per_s)

"""Quantiles as PostgreSQL's ``percentile_cont`` has them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["QUANTILES", "quantile"]

QUANTILES = (0.5, 0.95, 0.99)
"""Those of the statistics of runs."""


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The value below which this share of the values lies, interpolated between neighbours; ``None`` without values."""
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

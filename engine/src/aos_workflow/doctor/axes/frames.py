"""pandas: timestamps of now. It draws from the generators of numpy."""

from __future__ import annotations

from typing import Any

from aos_workflow.doctor.child.instruments import Instruments

__all__ = ["control"]


def control(instruments: Instruments) -> None:
    """Hold pandas still."""
    import pandas as pd

    def now(seconds: float, tz: Any = None) -> Any:
        return pd.Timestamp(round(seconds * 1e6), unit="us", tz=tz or None)

    def utcnow(seconds: float) -> Any:
        return now(seconds, "UTC")

    for name, answer in (("now", now), ("today", now), ("utcnow", utcnow)):
        instruments.reads_clock(pd.Timestamp, name, answer)

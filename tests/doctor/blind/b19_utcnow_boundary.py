"""An invoice is due at the end of the month in which it is written."""
import calendar
from datetime import datetime, timezone


def due():
    now = datetime.now(timezone.utc)
    last = calendar.monthrange(now.year, now.month)[1]
    return last - now.day <= 3


def run(seed: int):
    return {"invoice": seed, "urgent": due()}

"""Events are grouped by local day."""
from collections import defaultdict
from datetime import datetime


def by_day(stamps):
    days = defaultdict(int)
    for stamp in stamps:
        days[datetime.fromtimestamp(stamp).date().isoformat()] += 1
    return dict(days)


def run(seed: int):
    return by_day([1_700_000_000 + seed + i * 7200 for i in range(12)])

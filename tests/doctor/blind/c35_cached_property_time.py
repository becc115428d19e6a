"""A report that is stamped when it is first looked at."""
from datetime import datetime, timezone
from functools import cached_property


class Report:
    def __init__(self, rows):
        self.rows = rows

    @cached_property
    def stamp(self):
        return datetime.now(timezone.utc).isoformat(timespec="minutes")

    def render(self):
        return f"{len(self.rows)} rows, {self.stamp}"


def run(seed: int):
    return Report([seed]).render()

"""The time is handed in."""
from datetime import datetime, timezone


def label(now):
    return now.strftime("%Y-%m-%dT%H:%M")


def run(seed: int):
    return label(datetime(2024, 5, 1, seed % 24, 30, tzinfo=timezone.utc))

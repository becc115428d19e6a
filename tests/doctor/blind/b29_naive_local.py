"""A reminder at a local hour."""
from datetime import datetime


def stamp(text):
    return datetime.fromisoformat(text).timestamp()


def run(seed: int):
    return {"at": stamp(f"2024-0{1 + seed % 9}-10T09:00:00")}

"""Improves a solution until its time is up."""
import time


def improve(value, limit_s):
    rounds = 0
    end = time.monotonic() + limit_s
    while time.monotonic() < end and rounds < 100_000:
        value = (value * 31 + 7) % 1009
        rounds += 1
    return {"value": value, "rounds": rounds}


def run(seed: int):
    return improve(seed, 0.002)

"""Batches from a generator that shuffles with a generator of its own."""
import random


def batches(items, size, rng=None):
    rng = rng or random
    items = list(items)
    rng.shuffle(items)
    for i in range(0, len(items), size):
        yield items[i : i + size]


def run(seed: int):
    rng = random.Random(seed)
    return {"first": rng.randint(0, 99), "batches": list(batches(range(9), 4))}

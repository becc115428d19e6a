"""Work is cut into as many pieces as there are processors."""
import os


def chunks(items):
    size = max(1, len(items) // (os.cpu_count() or 1))
    return [items[i : i + size] for i in range(0, len(items), size)]


def run(seed: int):
    return [sum(chunk) for chunk in chunks(list(range(seed % 7, 40)))]

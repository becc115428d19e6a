"""A cache that is keyed by all that matters."""
from functools import lru_cache


@lru_cache(maxsize=None)
def cost(name, units):
    return len(name) * units


def run(seed: int):
    return [cost("cpu", seed), cost("ram", 2), cost("cpu", seed)]

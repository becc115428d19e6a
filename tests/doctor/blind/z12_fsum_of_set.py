"""A sum that does not depend on the order."""
import math


def run(seed: int):
    values = {("a", 0.1), ("b", 0.2), ("c", 1e15), ("d", -1e15), ("e", seed + 0.3)}
    return math.fsum(v for _, v in values)

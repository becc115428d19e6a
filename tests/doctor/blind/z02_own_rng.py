"""All randomness comes from the seed, in three layers."""
import random


class Noise:
    def __init__(self, seed):
        self.rng = random.Random(f"{seed}/noise")

    def __call__(self, value):
        return round(value + self.rng.gauss(0, 1), 6)


def run(seed: int):
    rng = random.Random(seed)
    noise = Noise(seed)
    return [noise(rng.random()) for _ in range(5)]

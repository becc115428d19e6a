"""The seed gets to the trainer, and not to the sampler."""
import numpy as np


class Sampler:
    def __init__(self, size):
        self.size = size
        self.rng = np.random.default_rng()

    def batch(self, data):
        return [int(data[i]) for i in self.rng.permutation(len(data))[: self.size]]


def run(seed: int):
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 1000, 50)
    return {"first": int(data[0]), "batch": Sampler(6).batch(data)}

"""Noise added to a signal."""
import numpy as np


def noisy(values):
    return values + np.random.normal(0, 0.1, len(values))


def run(seed: int):
    signal = np.sin(np.arange(8) + seed)
    return [round(float(v), 6) for v in noisy(signal)]

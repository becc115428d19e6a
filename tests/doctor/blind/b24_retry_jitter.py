"""The delays of a retry are in the trace."""
import random


class Retry:
    def __init__(self, base):
        self.base = base
        self.delays = []

    def __iter__(self):
        for attempt in range(4):
            delay = self.base * 2**attempt * random.uniform(0.5, 1.5)
            self.delays.append(round(delay, 4))
            yield attempt


def run(seed: int):
    retry = Retry(1 + seed % 2)
    for attempt in retry:
        if attempt == 2:
            break
    return {"delays": retry.delays}

"""Requests in the current minute."""
from datetime import datetime


class Window:
    def __init__(self):
        self.counts = {}

    def hit(self):
        key = datetime.now().strftime("%H:%M")
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts


def run(seed: int):
    window = Window()
    for _ in range(seed % 3 + 1):
        window.hit()
    return window.counts

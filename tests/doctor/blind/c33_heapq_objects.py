"""A queue of jobs; equal priorities fall back to a set of waiting names."""
import heapq


class Scheduler:
    def __init__(self, names):
        self.waiting = frozenset(names)
        self.heap = []

    def fill(self):
        for position, name in enumerate(self.waiting):
            heapq.heappush(self.heap, (len(name), position, name))

    def drain(self):
        while self.heap:
            yield heapq.heappop(self.heap)[2]


def run(seed: int):
    scheduler = Scheduler(["aaa", "bbb", "ccc", "dddd", f"e{seed % 10}"])
    scheduler.fill()
    return list(scheduler.drain())

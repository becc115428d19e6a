"""Whoever comes first makes the pool and gets number one."""
import threading
import time


class Registry:
    def __init__(self):
        self.owner = None
        self.names = {}

    def register(self, name):
        time.sleep(0.001)
        self.names[name] = len(self.names) + 1
        if self.owner is None:
            self.owner = name


def run(seed: int):
    registry = Registry()
    threads = [threading.Thread(target=registry.register, args=(f"w{n}",)) for n in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    return {"owner": registry.owner, "names": registry.names, "seed": seed}

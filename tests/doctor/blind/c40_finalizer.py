"""Resources are counted when they are let go of."""
import weakref


class Resource:
    def __init__(self, other=None):
        self.other = other or self


class Pool:
    def __init__(self):
        self.closed = 0

    def open(self):
        resource = Resource()
        weakref.finalize(resource, self.close)
        return resource

    def close(self):
        self.closed += 1


def run(seed: int):
    pool = Pool()
    for _ in range(20):
        pool.open()
        _ = [[] for _ in range(300)]
    return pool.closed

"""Users are spread over shards by the hash of their name."""


class Ring:
    def __init__(self, size):
        self.shards = [[] for _ in range(size)]

    def put(self, name):
        self.shards[hash(name) % len(self.shards)].append(name)


def run(seed: int):
    ring = Ring(4)
    for name in ("ann", "bob", "cyd", "dee", f"u{seed}"):
        ring.put(name)
    return ring.shards

"""A cache that forgets after a while."""
import time


class TTL:
    def __init__(self, seconds):
        self.seconds = seconds
        self.rows = {}

    def put(self, key, value):
        self.rows[key] = (time.monotonic(), value)

    def get(self, key):
        at, value = self.rows[key]
        return value if time.monotonic() - at < self.seconds else None


def run(seed: int):
    cache = TTL(0.05)
    cache.put("k", seed)
    total = sum(range(1000))
    return {"value": cache.get("k"), "total": total}

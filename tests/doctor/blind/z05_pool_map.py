"""A pool whose map keeps the order; a lock around the total."""
import threading
from concurrent.futures import ThreadPoolExecutor

LOCK = threading.Lock()


def run(seed: int):
    total = [0]

    def work(n):
        with LOCK:
            total[0] += n
        return n * n

    with ThreadPoolExecutor(4) as pool:
        squares = list(pool.map(work, range(seed % 9, seed % 9 + 6)))
    return {"squares": squares, "total": total[0]}

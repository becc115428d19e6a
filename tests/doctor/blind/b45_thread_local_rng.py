"""Each thread has a generator of its own."""
import random
import threading
from concurrent.futures import ThreadPoolExecutor

LOCAL = threading.local()


def rng():
    if not hasattr(LOCAL, "rng"):
        LOCAL.rng = random.Random()
    return LOCAL.rng


def run(seed: int):
    with ThreadPoolExecutor(1) as pool:
        return list(pool.map(lambda i: round(rng().random() * i, 6), range(1, 4)))

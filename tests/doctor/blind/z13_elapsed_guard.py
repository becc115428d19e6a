"""A time limit that is never reached."""
import time


def run(seed: int):
    end = time.monotonic() + 3600 * 24 * 365 * 100
    out = []
    for i in range(5):
        if time.monotonic() > end:
            raise TimeoutError
        out.append(i * seed)
    return out

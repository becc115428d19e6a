"""Threads that are waited for one after the other."""
import threading


def run(seed: int):
    out = []
    for n in range(4):
        thread = threading.Thread(target=out.append, args=(n + seed,))
        thread.start()
        thread.join()
    return out

"""Workers add to one counter without a lock."""
import threading
import time


class Counter:
    def __init__(self):
        self.value = 0

    def add(self):
        before = self.value
        time.sleep(0)
        self.value = before + 1


def run(seed: int):
    counter = Counter()
    threads = [threading.Thread(target=counter.add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counter.value + seed

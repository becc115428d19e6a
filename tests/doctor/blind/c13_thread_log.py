"""Threads write to one logger."""
import logging
import threading
import time


class Memory(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def run(seed: int):
    handler = Memory()
    log = logging.Logger("jobs")
    log.addHandler(handler)

    def work(n):
        time.sleep(0.001)
        log.info("job %s done", n)

    threads = [threading.Thread(target=work, args=(seed + n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return handler.lines

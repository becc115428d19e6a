"""Times go to a log that nobody compares."""
import logging
import time

LOG = logging.getLogger("quiet")
LOG.addHandler(logging.NullHandler())


def run(seed: int):
    began = time.monotonic()
    total = sum(i * i for i in range(seed % 100))
    LOG.info("took %.3f s at %s", time.monotonic() - began, time.time())
    return total

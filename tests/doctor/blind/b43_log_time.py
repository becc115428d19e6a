"""Log lines are kept in memory with their time."""
import io
import logging


def logged(work):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.Logger("work")
    logger.addHandler(handler)
    work(logger)
    return stream.getvalue().splitlines()


def run(seed: int):
    return logged(lambda log: log.info("seed %s", seed))

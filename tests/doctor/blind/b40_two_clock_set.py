"""A status page with the time of day and the services in no order."""
import time


class Status:
    def __init__(self, services):
        self.services = set(services)

    def line(self):
        return ",".join(s.title() for s in self.services)


def run(seed: int):
    status = Status(["api", "db", "queue", "mail"])
    return {"at": int(time.time()), "up": status.line(), "seed": seed}

"""Numbers of tickets come from a generator at the top of the module."""


def numbers():
    n = 100
    while True:
        yield n
        n += 1


TICKETS = numbers()


def open_ticket(title):
    return f"T-{next(TICKETS)} {title}"


def run(seed: int):
    return [open_ticket("printer"), open_ticket(f"seed {seed}")]

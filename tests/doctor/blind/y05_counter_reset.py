"""A counter in a module that every run sets back."""
import itertools

IDS = itertools.count()


def run(seed: int):
    global IDS
    IDS = itertools.count(seed)
    return [next(IDS) for _ in range(3)]

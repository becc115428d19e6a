"""A deck that stays shuffled, and a hand that nobody seeds."""
import random

DECK = list(range(10))


def deal(rng):
    rng.shuffle(DECK)
    return DECK[:3]


def flip():
    return random.choice("HT" * 50) + str(random.randint(0, 10**6))


def run(seed: int):
    return {"hand": deal(random.Random(seed)), "coin": flip()}

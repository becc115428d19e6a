"""One document in twenty is sampled for review."""
from random import random


def reviewed(document):
    if random() < 0.05:
        return {**document, "review": True}
    return document


def run(seed: int):
    return reviewed({"id": seed})

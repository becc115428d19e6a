"""A flag from the environment decides on the ranking."""
import os


class Settings:
    def __init__(self, env=os.environ):
        self.beta = env.get("RANKER_BETA", "no").lower() in ("1", "yes", "true")


def rank(items, settings):
    return sorted(items, reverse=settings.beta)


def run(seed: int):
    return rank([3, 1, seed % 10], Settings())

"""A variable is read, and only its presence in a log depends on it."""
import os
import sys


def run(seed: int):
    if os.environ.get("VERBOSE"):
        print("seed", seed, file=sys.stderr)
    return {"seed": seed}

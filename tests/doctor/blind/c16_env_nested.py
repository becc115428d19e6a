"""Settings with a prefix, from the environment."""
import os
from types import SimpleNamespace

DEFAULTS = {"model": "small", "retries": "2"}


def load(prefix):
    found = dict(DEFAULTS)
    for key in DEFAULTS:
        found[key] = os.getenv(f"{prefix}_{key.upper()}", found[key])
    return SimpleNamespace(**found)


def run(seed: int):
    settings = load("AGENT")
    return {"model": settings.model, "retries": settings.retries, "seed": seed}

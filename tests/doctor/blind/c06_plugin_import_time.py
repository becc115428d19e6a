"""A module that notes when it was loaded."""
import time

LOADED = time.strftime("%Y-%m-%d %H:%M:%S")


def banner(name):
    return f"{name} (since {LOADED})"


def run(seed: int):
    return {"banner": banner("agent"), "seed": seed}

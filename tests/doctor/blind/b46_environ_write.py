"""A run sets a variable that the next one reads."""
import os


def run(seed: int):
    depth = int(os.environ.get("AGENT_DEPTH", "0"))
    os.environ["AGENT_DEPTH"] = str(depth + 1)
    return {"depth": min(depth, 3), "seed": seed}

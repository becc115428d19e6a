"""Where the code lies."""
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def run(seed: int):
    return {"root": str(ROOT), "seed": seed}

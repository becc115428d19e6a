"""A listing and a limit from outside."""
import os
import tempfile
from pathlib import Path


def names(folder):
    return [p.name for p in Path(folder).iterdir()]


def limit():
    return int(os.environ.get("MAX_NAMES") or 5)


def run(seed: int):
    with tempfile.TemporaryDirectory() as folder:
        for n in range(5):
            Path(folder, f"f{n}").touch()
        return {"names": names(folder), "limit": limit(), "seed": seed}

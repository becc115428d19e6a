"""The newest checkpoint is taken up."""
import os
import tempfile
from pathlib import Path


def newest(folder):
    return max(Path(folder).iterdir(), key=os.path.getmtime).name


def run(seed: int):
    with tempfile.TemporaryDirectory() as folder:
        for n in (3, 1, 2):
            path = Path(folder, f"step{n}-{seed}")
            path.touch()
            os.utime(path, (1000, 1000))
        return newest(folder)

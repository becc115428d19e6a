"""The environment is handed on to a child that does not care."""
import os
import subprocess
import sys


def run(seed: int):
    env = {**os.environ, "MODE": "x"}
    done = subprocess.run([sys.executable, "-c", f"print({seed} + 1)"], env=env, capture_output=True, text=True)
    return int(done.stdout) == seed + 1 or seed

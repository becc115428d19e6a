"""A folder, sorted; names of temporary folders are taken out."""
import os
import tempfile


def run(seed: int):
    with tempfile.TemporaryDirectory() as folder:
        for name in ("b", "a", "c"):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as stream:
                stream.write(name * (seed % 4))
        return {n: os.path.getsize(os.path.join(folder, n)) for n in sorted(os.listdir(folder))}

"""A note is written in one encoding and read in another."""
from pathlib import Path
from tempfile import TemporaryDirectory


def run(seed: int):
    with TemporaryDirectory() as folder:
        note = Path(folder, "note.txt")
        note.write_text("caf\u00e9 na\u00efve", encoding="utf-8")
        return {"seed": seed, "text": note.read_text(errors="replace")}

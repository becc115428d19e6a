"""Zones and encodings are named."""
import tempfile
from datetime import datetime, timezone
from pathlib import Path


def run(seed: int):
    at = datetime.fromtimestamp(86400 * (seed + 1), tz=timezone.utc)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_text("\u00e9", encoding="utf-8")
        return [at.isoformat(), path.read_text(encoding="utf-8")]

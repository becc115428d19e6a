"""A short seeded sample of the crash suite; all of it is ``make crash``."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.meta.repository import ROOT


@pytest.mark.parametrize("seed", [7])
def test_nothing_is_lost_doubled_or_charged_twice(seed: int) -> None:
    arguments = ["--points", "6", "--rounds", "1", "--runs", "150", "--seconds", "6"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash", *arguments, "--seed", str(seed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts["verdict"] == "PASS", done.stderr[-2000:]
    assert counts["points"]["kills"] >= 3
    assert counts["chaos"]["worker_kills"] >= 3
    assert counts["chaos"]["runs"] == 150

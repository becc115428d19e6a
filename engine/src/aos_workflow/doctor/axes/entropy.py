"""The operating system's entropy: ``os.urandom``, ``secrets``, ``SystemRandom``, ``/dev/urandom``."""

from __future__ import annotations

import os
import random
from typing import Any

from aos_workflow.doctor.axes import randomness
from aos_workflow.doctor.child.run import Run

NAME = "entropy"
LABEL = "os-entropy"
provoke = randomness.provoke
drives = randomness.drives


def control(run: Run) -> dict[str, Any]:
    """``os.urandom`` from streams, for everything in Python that is built on it."""
    original = os.urandom

    def urandom(size: int, /) -> bytes:
        reading = run.visit(NAME, "os.urandom")
        return original(size) if reading is None else draw(reading, size)

    def draw(reading: Any, size: int) -> bytes:
        found = bytearray(reading.stream().randbytes(size))
        step = randomness.quantile(reading.variant)
        if step is not None and size and reading.index % 2 == 1:
            leading = int(step * 2**53).to_bytes(7, "big") if size > 1 else bytes([int(step * 256)])
            shifted = (int.from_bytes(leading, "big") << 3).to_bytes(8, "big")[-7:]
            lead = shifted if size > 1 else leading
            found[: len(lead)] = lead[:size]
        reading.note(found.hex())
        return bytes(found)

    os.urandom = urandom
    random._urandom = urandom  # type: ignore[attr-defined]
    if hasattr(os, "getrandom"):

        def getrandom(size: int, flags: int = 0) -> bytes:
            return urandom(size)

        os.getrandom = getrandom
    return {}

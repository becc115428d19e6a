"""Random UUIDs."""

from __future__ import annotations

import uuid
from typing import Any

from aos_workflow.doctor.axes import randomness
from aos_workflow.doctor.child.run import Run

NAME = "uuid"
LABEL = "uuid"
provoke = randomness.provoke
drives = randomness.drives
VERSIONS = {"uuid1": 1, "uuid4": 4, "uuid6": 4, "uuid7": 4, "uuid8": 4}
_MODULI = 60


def control(run: Run) -> dict[str, Any]:
    """``uuid1`` and ``uuid4`` from streams."""
    for name, version in VERSIONS.items():
        if hasattr(uuid, name):
            setattr(uuid, name, _function(run, name, version))
    return {}


def _function(run: Run, name: str, version: int) -> Any:
    original = getattr(uuid, name)

    def function(*args: Any, **kwargs: Any) -> uuid.UUID:
        reading = run.visit(NAME, f"uuid.{name}")
        if reading is None:
            return original(*args, **kwargs)  # type: ignore[no-any-return]
        bits = reading.stream().getrandbits(128)
        step = randomness.quantile(reading.variant)
        if step is not None:
            bits = int(step * 2**53) << 75 | bits & ((1 << 75) - 1)
            bits += int(step * _MODULI) - uuid.UUID(int=bits, version=version).int % _MODULI
            bits &= (1 << 128) - 1
        found = uuid.UUID(int=bits, version=version)
        reading.note(found)
        return found

    function.__name__ = function.__qualname__ = name
    function.__module__ = "uuid"
    return function

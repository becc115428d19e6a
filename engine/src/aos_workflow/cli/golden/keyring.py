"""The key ring that a command works with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aos_workflow.golden.keys import KeyRing

__all__ = ["ring_or_none", "signing_ring"]


def ring_or_none(key_file: Path | None) -> KeyRing | None:
    """The keys of the file, or if none is given those of the environment.

    Raises:
        KeyRingError: they contradict each other, are empty or cannot be read.
    """
    from aos_workflow import config
    from aos_workflow.golden.keys import KeyRing

    return KeyRing.from_file(key_file) if key_file is not None else config.key_ring()


def signing_ring(key_file: Path | None) -> KeyRing:
    """As :func:`ring_or_none`, where a key is needed.

    Raises:
        KeyRingError: also if there is none.
    """
    from aos_workflow.errors import KeyRingError

    ring = ring_or_none(key_file)
    if ring is None:
        raise KeyRingError(
            "there is no key to sign with",
            hint="set GOLDEN_SECRET or GOLDEN_KEY_FILE; to make a key: aos-workflow golden keys new",
        )
    return ring

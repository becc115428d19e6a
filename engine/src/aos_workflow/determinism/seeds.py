"""Child seeds: one seed gives every workflow and every step its own, without a shared stream."""

from __future__ import annotations

import hashlib
import random

__all__ = ["derive_seed", "seeded_random"]


def derive_seed(seed: int, *names: str) -> int:
    """A 64-bit seed for the thing named by ``names`` below ``seed``.

    Each name is one link of ``SHA256(parent || 0x00 || name)``; the first eight bytes of the last link are the seed, so
    ``derive_seed(s, "workflow", "step")`` depends on the path and on nothing else.
    """
    digest = hashlib.sha256(str(int(seed)).encode()).digest()
    for name in names:
        digest = hashlib.sha256(digest + b"\x00" + name.encode()).digest()
    return int.from_bytes(digest[:8], "big")


def seeded_random(seed: int, *names: str) -> random.Random:
    """A generator of its own for the thing named by ``names`` below ``seed``."""
    return random.Random(derive_seed(seed, *names))

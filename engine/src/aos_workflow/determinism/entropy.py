"""Randomness that is not part of a run: keys, names of temporary files, fresh ids."""

from __future__ import annotations

import random
import secrets
from typing import Protocol

__all__ = ["Entropy", "SeededEntropy", "SystemEntropy"]


class Entropy(Protocol):
    """A source of bytes."""

    def token_hex(self, count: int) -> str:
        """``count`` bytes as hexadecimal text."""
        ...


class SystemEntropy:
    """The operating system's generator."""

    def token_hex(self, count: int) -> str:
        return secrets.token_hex(count)


class SeededEntropy:
    """The same bytes for the same seed. Never for keys."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def token_hex(self, count: int) -> str:
        return self._random.randbytes(count).hex()

"""A place where state stays from one call to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Root"]


@dataclass(frozen=True, slots=True)
class Root:
    """A place where state stays: its name, how to read it, to put it back, and to do away with it (``None``: not)."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], None] | None = None
    remove: Callable[[], None] | None = None

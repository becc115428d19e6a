"""Every limit of the kernel, in one place, with its unit and its reason."""

from __future__ import annotations

__all__ = ["MAX_DEPTH", "MAX_FILE_BYTES"]

MAX_DEPTH = 100
"""Levels of nesting in a value. Recorded data deeper than this is a bug, and the walk needs up to four frames a level
of the interpreter's thousand."""

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Size of a golden file that we are willing to read into memory."""

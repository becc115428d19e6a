"""Secrets, taken out of what is about to be written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aos_workflow.golden.secret_scan import MASK
from aos_workflow.golden.secret_text import is_secret_name, redact_text

__all__ = ["MASK", "Mask"]

_SHORTEST = 6
"""Characters; a shorter secret is part of words that are none."""
_MAX_DEPTH = 8


class Mask:
    """Masks what has the shape of a credential, what stands under the name of one, and the ``known`` ones."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        longest_first = sorted({text for text in known if len(text) >= _SHORTEST}, key=len)[::-1]
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        found = redact_text(text)
        return self._known.sub(MASK, found) if self._known is not None else found

    def value(self, value: Any, *, depth: int = 0) -> Any:
        """The value without secrets, as JSON data; what is nested deeper than 8 levels is left out."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if depth >= _MAX_DEPTH:
            return "..."
        if isinstance(value, Mapping):
            return {str(k): self._field(str(k), v, depth) for k, v in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
            return [self.value(item, depth=depth + 1) for item in value]
        return self.text(str(value))

    def _field(self, name: str, value: Any, depth: int) -> Any:
        if is_secret_name(name) and value is not None:
            return MASK
        return self.value(value, depth=depth + 1)

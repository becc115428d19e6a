"""The one spelling of a place inside a JSON value: ``.steps[2].output["content-type"]``.

The same text is a selector that matches exactly this place, so a path copied from a report can be pasted into a rule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

__all__ = ["Path", "format_path"]

Path = Sequence[str | int]
"""Keys and list indexes from the root down."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def format_path(path: Path) -> str:
    """The path as text; the root is ``.``."""
    if not path:
        return "."
    return "".join(
        f"[{part}]"
        if isinstance(part, int)
        else (f".{part}" if _PLAIN.fullmatch(part) else f"[{json.dumps(part)}]")
        for part in path
    )

"""Values as they may be written into reports: without what looks like a secret, and not too long."""

from __future__ import annotations

from typing import Any

from aos_workflow.golden.secret_scan import redact

__all__ = ["cleaned", "shortened"]

_MAX_CHARS = 500


def cleaned(value: Any) -> Any:
    """The JSON value, what looks like a secret blacked out."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    if isinstance(value, dict):
        return {key: cleaned(item) for key, item in value.items()}
    return value


def shortened(value: Any) -> Any:
    """The same; as the beginning of its spelling, if that is long."""
    found = cleaned(value)
    text = repr(found)
    return found if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]}..."

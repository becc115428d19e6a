"""What is wrong with a file of ours, in words."""

from __future__ import annotations

import json

__all__ = ["what_is_wrong"]


def what_is_wrong(error: Exception) -> str:
    """What the error of a ``from_json`` means to somebody who has the file before them."""
    if isinstance(error, KeyError):
        return f"the field {error.args[0]!r} is missing"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON: {error}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, TypeError):
        return "it is another document, or one of its fields has another type"
    return str(error)

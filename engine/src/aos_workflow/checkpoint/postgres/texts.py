"""What PostgreSQL's text can hold."""

from __future__ import annotations

__all__ = ["bytes_of", "storable", "text_of"]


def text_of(value: bytes | None) -> str | None:
    """JSON text as a parameter."""
    return None if value is None else value.decode()


def bytes_of(value: str | None) -> bytes | None:
    """JSON text from a column."""
    return None if value is None else value.encode()


def storable(text: str | None) -> str | None:
    """Text of people and programs without NUL and lone surrogates, which no column takes."""
    if text is None or (text.isascii() and "\x00" not in text):
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\0")

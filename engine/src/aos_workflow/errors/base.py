"""What every error has."""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "AosError",
    "UsageError",
]


class AosError(Exception):
    """Base of every error we raise on purpose.

    ``code`` is stable and meant to be grepped for; ``retryable`` tells a caller whether the same call
    may succeed later; ``hint`` is the next command or change, in one line.
    """

    code: ClassVar[str] = "AOS_ERROR"
    category: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  next: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore, (type(self), self.args, self.__dict__))

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON data: code, category, message, hint, and whatever the class adds."""
        extra = {
            k: v
            for k, v in vars(self).items()
            if k not in ("message", "hint") and not k.startswith("_") and v is not None
        }
        return {
            "code": self.code,
            "category": self.category,
            "message": self.message,
            **({"hint": self.hint} if self.hint else {}),
            **extra,
        }


def _restore(cls: type[AosError], args: tuple[Any, ...], state: dict[str, Any]) -> AosError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class UsageError(AosError):
    """A call or command that cannot mean anything."""

    code = "USAGE"
    category = "usage"

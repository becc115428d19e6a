"""Goldens, their canonical form, their keys."""

from __future__ import annotations

from aos_workflow.errors.base import AosError

__all__ = [
    "CanonicalError",
    "DepthError",
    "GoldenBinaryError",
    "GoldenConflictError",
    "GoldenDuplicateKeyError",
    "GoldenEmptyError",
    "GoldenEncodingError",
    "GoldenError",
    "GoldenExistsError",
    "GoldenFileError",
    "GoldenForeignError",
    "GoldenKeyMismatchError",
    "GoldenMissingError",
    "GoldenSyntaxError",
    "GoldenTamperedError",
    "GoldenTooDeepError",
    "GoldenTooLargeError",
    "GoldenTruncatedError",
    "GoldenUnknownKeyError",
    "GoldenUnsignedError",
    "GoldenVersionError",
    "KeyRingError",
    "KeySpellingError",
    "NonFiniteNumberError",
    "ReservedKeyError",
    "RuleError",
    "SecretFoundError",
    "TextEncodingError",
    "UnsupportedTypeError",
]


class GoldenError(AosError):
    """Base of everything about goldens."""

    code = "GOLDEN_ERROR"
    category = "golden"


class CanonicalError(GoldenError):
    """A value that has no canonical form. ``path`` says where, as a selector such as ``.a[0].b``."""

    code = "CANONICAL_ERROR"
    category = "canonical"

    def __init__(self, message: str, *, path: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class UnsupportedTypeError(CanonicalError):
    code = "CANONICAL_TYPE"


class NonFiniteNumberError(CanonicalError):
    code = "CANONICAL_NON_FINITE"


class KeySpellingError(CanonicalError):
    code = "CANONICAL_KEY"


class TextEncodingError(CanonicalError):
    code = "CANONICAL_TEXT"


class DepthError(CanonicalError):
    code = "CANONICAL_DEPTH"


class ReservedKeyError(CanonicalError):
    code = "CANONICAL_RESERVED_KEY"


class RuleError(GoldenError):
    """A selector or an action that does not parse. The message points at the column."""

    code = "RULE_SYNTAX"
    category = "usage"


class GoldenFileError(GoldenError):
    """A golden file that cannot be trusted or read. ``file`` and ``line`` (from 1) say where."""

    code = "GOLDEN_INVALID"

    def __init__(
        self, message: str, *, file: str = "", line: int | None = None, hint: str | None = None
    ) -> None:
        where = f"{file}:{line}" if line is not None else file
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.file = file
        self.line = line


class GoldenMissingError(GoldenFileError):
    code = "GOLDEN_MISSING"


class GoldenEmptyError(GoldenFileError):
    code = "GOLDEN_EMPTY"


class GoldenEncodingError(GoldenFileError):
    code = "GOLDEN_ENCODING"


class GoldenBinaryError(GoldenFileError):
    code = "GOLDEN_BINARY"


class GoldenConflictError(GoldenFileError):
    code = "GOLDEN_CONFLICT"


class GoldenSyntaxError(GoldenFileError):
    code = "GOLDEN_SYNTAX"


class GoldenTruncatedError(GoldenFileError):
    code = "GOLDEN_TRUNCATED"


class GoldenDuplicateKeyError(GoldenFileError):
    code = "GOLDEN_DUPLICATE_KEY"


class GoldenTooLargeError(GoldenFileError):
    code = "GOLDEN_TOO_LARGE"


class GoldenTooDeepError(GoldenFileError):
    code = "GOLDEN_TOO_DEEP"


class GoldenForeignError(GoldenFileError):
    code = "GOLDEN_FOREIGN"


class GoldenVersionError(GoldenFileError):
    code = "GOLDEN_VERSION"


class GoldenKeyMismatchError(GoldenFileError):
    code = "GOLDEN_KEY_MISMATCH"


class GoldenTamperedError(GoldenFileError):
    code = "TAMPER_DETECTED"


class GoldenUnknownKeyError(GoldenFileError):
    code = "GOLDEN_UNKNOWN_KEY"


class GoldenUnsignedError(GoldenFileError):
    code = "GOLDEN_UNSIGNED"


class GoldenExistsError(GoldenError):
    """Something is in the way that is not ours to overwrite."""

    code = "GOLDEN_EXISTS"


class SecretFoundError(GoldenError):
    """A value looks like a credential. ``path`` says where and ``kind`` what; never the value."""

    code = "SECRET_FOUND"
    category = "security"

    def __init__(self, message: str, *, path: str = "", kind: str = "", hint: str | None = None):
        super().__init__(message, hint=hint)
        self.path = path
        self.kind = kind


class KeyRingError(GoldenError):
    """Signing secrets that contradict each other, are empty, or cannot be read."""

    code = "KEY_RING"
    category = "security"

"""Every error of the project, one tree, each with a stable code.

    AosError
    ├── UsageError                  a call or command that cannot mean anything
    ├── SkillError                  a step's skill cannot be used; carries its id
    │   ├── SkillNotFoundError          no such skill or version
    │   ├── SkillDisabledError          switched off; quotes the reason
    │   ├── SkillInputError             inputs that are missing, unknown or of the wrong type
    │   └── SkillOutputError            an output that is not of the annotated type
    └── GoldenError
        ├── CanonicalError          a value that has no canonical form; carries its path
        │   ├── UnsupportedTypeError     no documented spelling for the type
        │   ├── NonFiniteNumberError     NaN or an infinity
        │   ├── KeySpellingError         a key that is not text, or two keys spelled alike
        │   ├── TextEncodingError        a lone surrogate
        │   ├── DepthError               nested deeper than MAX_DEPTH, or circular
        │   └── ReservedKeyError         a user's key in our own ``$aos.`` name space
        ├── RuleError               a selector or action that does not parse
        ├── GoldenFileError         a golden that cannot be trusted; carries file and line
        │   ├── GoldenMissingError, GoldenEmptyError, GoldenEncodingError, GoldenBinaryError
        │   ├── GoldenConflictError      merge markers
        │   ├── GoldenSyntaxError        not JSON
        │   ├── GoldenTruncatedError     the end is missing
        │   ├── GoldenDuplicateKeyError  one object holds a key twice
        │   ├── GoldenTooLargeError, GoldenTooDeepError
        │   ├── GoldenForeignError       JSON, but not a golden of ours
        │   ├── GoldenVersionError       written by a newer format
        │   ├── GoldenKeyMismatchError   the golden of something else
        │   ├── GoldenTamperedError      content does not match its digest, chain or signature
        │   ├── GoldenUnknownKeyError    signed with a key that is not in the ring
        │   └── GoldenUnsignedError      a signature is required and there is none
        ├── GoldenExistsError       refusing to overwrite
        ├── SecretFoundError        a credential would have been written to disk
        └── KeyRingError            secrets that contradict each other or cannot be read

Errors survive pickling, because workers raise them in other processes. They never carry a secret.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "AosError",
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
    "SkillDisabledError",
    "SkillError",
    "SkillInputError",
    "SkillNotFoundError",
    "SkillOutputError",
    "TextEncodingError",
    "UnsupportedTypeError",
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


class SkillError(AosError):
    """A step's skill cannot be used. ``skill_id`` says which."""

    code = "SKILL_ERROR"
    category = "skill"

    def __init__(self, message: str, *, skill_id: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.skill_id = skill_id


class SkillNotFoundError(SkillError):
    """No such skill, or no such version of it."""

    code = "SKILL_NOT_FOUND"


class SkillDisabledError(SkillError):
    """The skill is switched off; the message quotes the reason."""

    code = "SKILL_DISABLED"


class _SkillValueError(SkillError):
    what: ClassVar[str] = "value"

    def __init__(self, skill_id: str, version: str, problems: tuple[str, ...]) -> None:
        text = "; ".join(problems)
        super().__init__(
            f"{self.what} of skill {skill_id!r} version {version}: {text}", skill_id=skill_id
        )
        self.problems = problems


class SkillInputError(_SkillValueError):
    """Inputs that are missing, unknown or of the wrong type; ``problems`` names each with its place."""

    code = "SKILL_INPUT"
    what = "inputs"


class SkillOutputError(_SkillValueError):
    """An output that is not of the annotated type."""

    code = "SKILL_OUTPUT"
    what = "output"

"""Every error of the project, one tree, each with a stable code.

    AosError
    ├── UsageError                  a call or command that cannot mean anything
    ├── SpecError                   a workflow spec with problems; carries every one, with its place
    │   └── RunInputsError              inputs of a run that are not what the spec declares
    ├── ReferenceSyntaxError        a ``${`` that begins no reference; carries the column
    ├── UnresolvedReferenceError    a reference to what is not there; carries step, place and what was there
    ├── PlanRejectedError           a plan that may not run; carries every reason, with its place
    ├── SkillError                  a step's skill cannot be used; carries its id
    │   ├── SkillNotFoundError          no such skill or version
    │   ├── SkillDisabledError          switched off; quotes the reason
    │   ├── SkillInputError             inputs that are missing, unknown or of the wrong type
    │   └── SkillOutputError            an output that is not of the annotated type
    ├── StackError                  the embedded servers; carries the service
    │   ├── EmbeddedMissingError        the extra ``embedded`` is not installed, or not to be had here
    │   ├── PortInUseError              somebody else listens there; names who
    │   ├── ServerStartError            a server that does not come up; quotes its log
    │   ├── ServerInUseError            others use it as it is, so it cannot be changed or stopped
    │   ├── ServerStoppedError          it is needed and not running
    │   └── StackTimeoutError           something took longer than it may
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

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

__all__ = [
    "AosError",
    "CanonicalError",
    "DepthError",
    "EmbeddedMissingError",
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
    "PlanRejectedError",
    "PortInUseError",
    "ReferenceSyntaxError",
    "ReservedKeyError",
    "RuleError",
    "RunInputsError",
    "SecretFoundError",
    "ServerInUseError",
    "ServerStartError",
    "ServerStoppedError",
    "SkillDisabledError",
    "SkillError",
    "SkillInputError",
    "SkillNotFoundError",
    "SkillOutputError",
    "SpecError",
    "SpecProblem",
    "StackError",
    "StackTimeoutError",
    "TextEncodingError",
    "UnresolvedReferenceError",
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


@dataclass(frozen=True, slots=True)
class SpecProblem:
    """One thing that is wrong with a spec, or with the inputs of a run.

    ``place`` is a path such as ``.steps[2].inputs.target``; ``line`` and ``column`` (from 1) are known when the spec
    was read from text. ``code`` is stable and meant to be grepped for. A ``warning`` alone refuses nothing.
    """

    place: str
    line: int | None
    column: int | None
    code: str
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        position = "" if self.line is None else f"{self.line}:{self.column or 1}: "
        mark = "" if self.severity == "error" else f"{self.severity} "
        return f"{position}{self.place}: {mark}{self.code}: {self.message}"

    def order(self) -> tuple[int, int, str, str, str]:
        """By line and column where these are known, then by place with numbers as numbers."""
        place = re.sub(r"[0-9]+", lambda digits: digits[0].zfill(12), self.place)
        return (self.line or 0, self.column or 0, place, self.code, self.message)


class SpecError(AosError):
    """A workflow spec that cannot be run. ``problems`` are all of them, in the order of their places.

    ``file`` is where the spec was read from, or empty.
    """

    code = "SPEC_INVALID"
    category = "spec"
    what: ClassVar[str] = "workflow spec"

    def __init__(
        self, problems: Sequence[SpecProblem], *, file: str = "", hint: str | None = None
    ) -> None:
        self.problems = tuple(problems)
        self.file = file
        where = f"{file}:" if file else ""
        lines = [f"  {where}{problem}" for problem in self.problems]
        count = f"{len(lines)} problem{'' if len(lines) == 1 else 's'}"
        head = f"{file}: {count}" if file else f"{self.what}: {count}"
        super().__init__("\n".join([head, *lines]), hint=hint)

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "problems": [asdict(problem) for problem in self.problems]}


class RunInputsError(SpecError):
    """The inputs of a run are not what its spec declares. ``problems`` are all of them."""

    code = "RUN_INPUTS_INVALID"
    what = "inputs of the run"


class ReferenceSyntaxError(AosError):
    """A ``${`` that begins no reference. ``column`` (from 1) says where in the text, ``reason`` why."""

    code = "REFERENCE_SYNTAX"
    category = "spec"

    def __init__(
        self, message: str, *, column: int = 1, reason: str = "", hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.column = column
        self.reason = reason


class UnresolvedReferenceError(AosError):
    """A reference to what is not there, found before the step runs.

    ``step_id`` is the step that refers (empty for the outputs of the workflow), ``place`` the path within it,
    ``reference`` the reference as written, and ``available`` the names that would have been found instead.
    """

    code = "REFERENCE_UNRESOLVED"
    category = "spec"

    def __init__(
        self,
        message: str,
        *,
        step_id: str = "",
        place: str = "",
        reference: str = "",
        available: tuple[str, ...] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.step_id = step_id
        self.place = place
        self.reference = reference
        self.available = available


class StackError(AosError):
    """The embedded servers. ``service`` is ``db`` or ``redis``, where it is about one."""

    code = "STACK_ERROR"
    category = "stack"

    def __init__(
        self, message: str, *, service: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.service = service


class EmbeddedMissingError(StackError):
    """The servers' wheels are not installed, or there are none for this machine."""

    code = "EMBEDDED_MISSING"


class PortInUseError(StackError):
    """A port is somebody else's: ``owner_pid`` and ``owner_command``, where they can be seen."""

    code = "PORT_IN_USE"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        port: int,
        service: str | None = None,
        owner_pid: int | None = None,
        owner_command: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, service=service, hint=hint)
        self.port = port
        self.owner_pid = owner_pid
        self.owner_command = owner_command


class ServerStartError(StackError):
    """A server that does not come up. The message ends with what its log says."""

    code = "SERVER_START"


class ServerInUseError(StackError):
    """Other processes (``users``, where they can be seen) use a server as it is."""

    code = "SERVER_IN_USE"
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        service: str | None = None,
        users: tuple[int, ...] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, service=service, hint=hint)
        self.users = users


class ServerStoppedError(StackError):
    """A server that is needed does not run."""

    code = "SERVER_STOPPED"
    retryable = True


class StackTimeoutError(StackError):
    """Something took longer than it may. Nothing was left half done."""

    code = "STACK_TIMEOUT"
    retryable = True


class PlanRejectedError(AosError):
    """A planner's plan that may not run. ``findings`` are all of them, in the order of the plan.

    Each is JSON data with ``code``, ``path``, ``message`` and ``severity``; a ``warning`` alone refuses nothing.
    """

    code = "PLAN_REJECTED"
    category = "security"

    def __init__(self, findings: Sequence[dict[str, str]], *, hint: str | None = None) -> None:
        self.findings = tuple(findings)
        reasons = [each for each in self.findings if each["severity"] == "error"]
        count = f"{len(reasons)} reason{'' if len(reasons) == 1 else 's'}"
        lines = [f"  {each['path']}: {each['code']}: {each['message']}" for each in reasons]
        super().__init__(
            "\n".join([f"plan rejected, {count}; nothing of it ran", *lines]),
            hint=hint or "plan again with these reasons, or have an operator change the policy",
        )

    @property
    def codes(self) -> frozenset[str]:
        """The codes of what refuses the plan."""
        return frozenset(each["code"] for each in self.findings if each["severity"] == "error")

"""Skills that cannot be used."""

from __future__ import annotations

from typing import ClassVar

from aos_workflow.errors.base import AosError

__all__ = [
    "SkillDisabledError",
    "SkillError",
    "SkillInputError",
    "SkillNotFoundError",
    "SkillOutputError",
]


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

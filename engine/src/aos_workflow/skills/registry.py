"""The skills that a run may use, and which of them are switched off."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aos_workflow.errors import SkillDisabledError, SkillNotFoundError, UsageError
from aos_workflow.skills.skill import Skill

__all__ = ["SkillRegistry", "SkillState"]


@dataclass(frozen=True, slots=True)
class SkillState:
    """Whether a skill may be used, and why not. ``version=None`` means every version."""

    skill_id: str
    version: str | None = None
    enabled: bool = True
    disabled_reason: str | None = None


class SkillRegistry:
    """Skills by id and version. Switching one off takes effect at the next look-up, so at the next step."""

    def __init__(self, *skills: Skill) -> None:
        self._skills: dict[str, dict[str, Skill]] = {}
        self._states: dict[tuple[str, str | None], SkillState] = {}
        for item in skills:
            self.register(item)

    def register(self, item: Skill) -> Skill:
        """Add a skill; usable as a decorator above ``@skill``.

        Raises:
            UsageError: another function is registered under the same id and version.
        """
        versions = self._skills.setdefault(item.id, {})
        known = versions.get(item.version)
        if known is not None and known.function is not item.function:
            raise UsageError(
                f"skill {item.id!r} version {item.version!r} is registered already, as {known.function.__qualname__}",
                hint="give the changed skill a new version",
            )
        versions[item.version] = item
        return item

    def get(self, skill_id: str, version: str | None = None) -> Skill:
        """A skill that may be used now: the given version, or the newest that is enabled.

        Raises:
            SkillNotFoundError: no such id or version; names what is known and what may have been meant.
            SkillDisabledError: it is switched off; quotes the reason.
        """
        versions = self._skills.get(skill_id)
        if versions is None:
            raise self._unknown(skill_id)
        if version is not None and version not in versions:
            raise SkillNotFoundError(
                f"skill {skill_id!r} has no version {version!r}; known: {', '.join(self.versions(skill_id))}",
                skill_id=skill_id,
            )
        wanted = [version] if version is not None else self.versions(skill_id)[::-1]
        states = [(name, self._state(skill_id, name)) for name in wanted]
        for name, state in states:
            if state is None or state.enabled:
                return versions[name]
        raise _disabled(next(state for _, state in states if state is not None))

    def refuse_disabled(self, item: Skill) -> None:
        """Whether a skill may be used that is at hand already, registered or not.

        Raises:
            SkillDisabledError: it is switched off; quotes the reason.
        """
        state = self._state(item.id, item.version) if self._states else None
        if state is not None and not state.enabled:
            raise _disabled(state)

    def versions(self, skill_id: str) -> list[str]:
        """The registered versions of a skill, oldest first: ``2`` before ``10``, ``1.9`` before ``1.10``."""
        return sorted(self._skills.get(skill_id, ()), key=_natural)

    def known(self) -> Mapping[str, tuple[str, ...]]:
        """Every id with its versions, as spec validation wants it."""
        return {skill_id: tuple(self.versions(skill_id)) for skill_id in sorted(self._skills)}

    def __iter__(self) -> Iterator[Skill]:
        for skill_id, versions in self.known().items():
            for version in versions:
                yield self._skills[skill_id][version]

    def __contains__(self, skill_id: object) -> bool:
        return skill_id in self._skills

    # switching on and off

    def disable(self, skill_id: str, reason: str, version: str | None = None) -> None:
        """Refuse a skill from the next step on, registered yet or not."""
        self.apply(SkillState(skill_id, version, enabled=False, disabled_reason=reason))

    def enable(self, skill_id: str, version: str | None = None) -> None:
        """Take back :meth:`disable`."""
        self.apply(SkillState(skill_id, version))

    def apply(self, state: SkillState) -> None:
        """Take over a state that stands elsewhere, such as in the table ``skill_registry``."""
        self._states[state.skill_id, state.version] = state

    def states(self) -> tuple[SkillState, ...]:
        """Every state that was ever set, by id and version."""
        keys = sorted(self._states, key=lambda key: (key[0], key[1] or ""))
        return tuple(self._states[key] for key in keys)

    def _state(self, skill_id: str, version: str) -> SkillState | None:
        """The state that decides: a disabled skill as a whole outweighs its versions."""
        whole, own = self._states.get((skill_id, None)), self._states.get((skill_id, version))
        return whole if whole is not None and not whole.enabled else own

    def _unknown(self, skill_id: str) -> SkillNotFoundError:
        near = difflib.get_close_matches(skill_id, self._skills, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        known = ", ".join(sorted(self._skills)[:10]) or "none"
        return SkillNotFoundError(
            f"no skill {skill_id!r} is registered{meant}",
            skill_id=skill_id,
            hint=f"register it, or use one of: {known}",
        )


def _disabled(state: SkillState) -> SkillDisabledError:
    return SkillDisabledError(
        f"skill {state.skill_id!r} is disabled: {state.disabled_reason or 'no reason given'}",
        skill_id=state.skill_id,
        hint=f"aos-workflow skills enable {state.skill_id}",
    )


def _natural(version: str) -> tuple[tuple[int, int, str], ...]:
    parts = re.split(r"([0-9]+)", version)
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts if part)

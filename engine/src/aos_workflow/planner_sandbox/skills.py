"""Which skills a plan names, in the open or in disguise."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aos_workflow.planner_sandbox.findings import Code, Reason, shown
from aos_workflow.planner_sandbox.policy import SandboxPolicy, SkillRule
from aos_workflow.planner_sandbox.unfold import hidden, skeleton

__all__ = ["SkillJudge"]

_SEPARATORS = re.compile(r"[-_./:\s]+")


class SkillJudge:
    """The skills of a policy, ready to be compared with what plans write."""

    def __init__(self, policy: SandboxPolicy) -> None:
        self._skills = policy.skills
        self._forbidden_as_written = policy.forbidden_skills
        self._allowed = {_loose(skill): skill for skill in policy.skills}
        self._forbidden = {_loose(name): name for name in policy.forbidden_skills}
        self._prefixes = {
            _loose(name[:-1]): name for name in policy.forbidden_skills if name.endswith("*")
        }

    def rule(self, written: object) -> SkillRule | None:
        """The rule of a skill that is written exactly."""
        return self._skills.get(written) if isinstance(written, str) else None

    def judge(self, written: object, version: object) -> Iterator[Reason]:
        """Why a step may not use a skill."""
        if not isinstance(written, str) or not written:
            yield Reason(Code.SKILL_NOT_FOUND, "expected the id of a skill")
            return
        name = shown(written)
        forbidden, rule = self.forbidden(written), self._skills.get(written)
        if forbidden:
            yield Reason(Code.SKILL_FORBIDDEN, f"the skill {name} is forbidden")
            if not self._is_as_written(written):
                yield Reason(Code.SKILL_DISGUISED, f"{name} is a disguise of {shown(forbidden)}")
        elif rule is None:
            yield from self._judge_unknown(written)
        if rule and rule.disabled:
            yield Reason(Code.SKILL_DISABLED, f"the skill {name} is disabled: {rule.disabled}")
        if rule and isinstance(version, str) and not _is_allowed(version, rule):
            known = ", ".join(sorted(rule.versions or ())) or "none"
            message = f"version {shown(version)} of {name}; allowed: {known}"
            yield Reason(Code.SKILL_VERSION, message)

    def _judge_unknown(self, skill: str) -> Iterator[Reason]:
        meant = self._allowed.get(_loose(skill))
        near = f"; did you mean {shown(meant)}?" if meant else ""
        yield Reason(Code.SKILL_NOT_FOUND, f"no skill {shown(skill)} in the policy{near}")
        if meant and (not skill.isascii() or skill != skill.strip() or hidden(skill)):
            yield Reason(Code.SKILL_DISGUISED, f"{shown(skill)} is a disguise of {shown(meant)}")

    def forbidden(self, name: str) -> str | None:
        """The forbidden skill that a name stands for, disguised or not."""
        loose = _loose(name.partition("@")[0])
        if loose in self._forbidden:
            return self._forbidden[loose]
        for prefix, full in self._prefixes.items():
            if loose.startswith(prefix):
                return full
        return None

    def forbidden_as_named(self, name: str) -> str | None:
        """As :meth:`forbidden`, for a text that may be something else: ``administrator`` is none of ``admin.*``."""
        found = self.forbidden(name)
        if found is None or len(name.split()) != 1:
            return None
        is_prefix = found.endswith("*") and _loose(name) not in self._forbidden
        return found if not is_prefix or skeleton(name).startswith(skeleton(found[:-1])) else None

    def _is_as_written(self, skill: str) -> bool:
        return skill in self._forbidden_as_written or any(
            skill.startswith(name[:-1]) for name in self._prefixes.values()
        )


def _is_allowed(version: str, rule: SkillRule) -> bool:
    return rule.versions is None or version in rule.versions


def _loose(name: str) -> str:
    """Without case, separators and disguises: ``Shell-Exec`` is ``shell_exec``."""
    return _SEPARATORS.sub("", skeleton(name))

"""Names that only the platform may give a value to, however they are spelled."""

from __future__ import annotations

from functools import lru_cache

from aos_workflow.planner_sandbox.kinds import words_of
from aos_workflow.planner_sandbox.policy import SandboxPolicy
from aos_workflow.planner_sandbox.unfold import latin

__all__ = ["Protected"]

_QUALIFIERS = frozenset(
    [
        *("amount", "cap", "cents", "default", "dollars", "eur", "force", "forced", "global", "limit"),
        *("max", "maximum", "min", "minimum", "my", "new", "override", "overrides", "plan", "raise"),
        *("run", "set", "step", "the", "total", "usd", "value", "workflow", "x"),
    ]
)  # fmt: skip
"""``max_budget_cents`` and ``budget_override`` mean the budget; ``travel_budget`` does not."""


class Protected:
    """Whether a key names a protected field."""

    def __init__(self, policy: SandboxPolicy) -> None:
        self._names = {_squashed(name): name for name in policy.protected_fields}
        self.meant_by = lru_cache(maxsize=4096)(self._meant_by)

    def _meant_by(self, key: str) -> str | None:
        """The protected field that a key means, or None."""
        words = words_of(latin(key))
        for candidate in (words, [word for word in words if word not in _QUALIFIERS]):
            name = "".join(candidate)
            for known in (name, _without_qualifiers(name), _singular(name)):
                if known in self._names:
                    return self._names[known]
        return None


def _singular(name: str) -> str:
    return name[:-3] + "y" if name.endswith("ies") else name.removesuffix("s")


def _without_qualifiers(name: str) -> str:
    for word in _QUALIFIERS:
        shorter = name.removeprefix(word).removesuffix(word)
        if shorter and shorter != name and len(word) > 1:
            return shorter
    return name


def _squashed(name: str) -> str:
    return "".join(words_of(name))

"""Skills and workflows that the engine's tests share, and a count of what was really executed."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from aos_workflow.skills import Skill, SkillRegistry, skill


class World:
    """The outside world of a test: what was done to it, and how often."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.delays_s: dict[str, float] = {}
        self.failures: dict[str, list[Exception]] = {}
        self.reads = 0

    def registry(self) -> SkillRegistry:
        return SkillRegistry(self.double, self.fetch, self.pay, self.flaky)

    @property
    def double(self) -> Skill:
        """Pure."""
        return self._made("double")

    @property
    def fetch(self) -> Skill:
        """Reads: every call sees something else."""
        return self._made("fetch")

    @property
    def pay(self) -> Skill:
        """Writes, and costs."""
        return self._made("pay")

    @property
    def flaky(self) -> Skill:
        """Fails as often as it is told."""
        return self._made("flaky")

    def _made(self, name: str) -> Skill:
        made: dict[str, Skill] = self.__dict__.setdefault("_skills", {})
        if not made:
            made.update(self._skills_of_this_world())
        return made[name]

    def _skills_of_this_world(self) -> dict[str, Skill]:
        @skill("double", side_effects="none")
        def double(n: int) -> int:
            self.calls["double"] += 1
            return 2 * n

        @skill("fetch", side_effects="reads")
        async def fetch(name: str) -> dict[str, Any]:
            self.calls[f"fetch {name}"] += 1
            await asyncio.sleep(self.delays_s.get(name, 0))
            self.reads += 1
            return {"name": name, "reading": self.reads}

        @skill("pay", side_effects="writes", cost_cents=5)
        async def pay(amount: int, to: str = "shop") -> str:
            self.calls[f"pay {to}"] += 1
            return f"{amount} to {to}"

        @skill("flaky", side_effects="reads")
        async def flaky(name: str) -> str:
            self.calls[f"flaky {name}"] += 1
            errors = self.failures.get(name)
            if errors:
                raise errors.pop(0)
            return name

        return {"double": double, "fetch": fetch, "pay": pay, "flaky": flaky}

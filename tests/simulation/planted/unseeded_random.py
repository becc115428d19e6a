"""A delay with jitter, drawn from the process's generator."""

import random
from typing import Any

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"random"}


@skill("jitter", side_effects="none")
def jitter(base: float) -> float:
    return base * random.uniform(0.5, 1.5)


@workflow("planted_unseeded_random")
async def planted(ctx: Context, base: float) -> dict[str, Any]:
    return {"delay": await ctx.step(jitter, base=base)}

"""How long it took, as a verdict."""

import time

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"clock"}


@skill("digest_of", side_effects="none")
def digest_of(number: int) -> float:
    began = time.perf_counter()
    sum(range(number))
    return round((time.perf_counter() - began) * 1e9)


@workflow("planted_measured_duration")
async def planted(ctx: Context, number: int) -> float:
    return float(await ctx.step(digest_of, number=number))

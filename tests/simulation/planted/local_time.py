"""An instant, as people here spell it."""

import time

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"timezone"}


@skill("spell", side_effects="none")
def spell(at_s: int) -> str:
    return time.strftime("%d.%m. %H:%M", time.localtime(1_700_000_000 + at_s))


@workflow("planted_local_time")
async def planted(ctx: Context, at_s: int) -> str:
    return str(await ctx.step(spell, at_s=at_s))

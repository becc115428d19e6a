"""When it was done, in a field that no rule knows."""

import time
from typing import Any

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"clock"}


@skill("stamp", side_effects="none")
def stamp(number: int) -> dict[str, Any]:
    return {"number": number, "done": time.time()}


@workflow("planted_wall_clock")
async def planted(ctx: Context, number: int) -> dict[str, Any]:
    return dict(await ctx.step(stamp, number=number))

"""Numbers that go on from run to run."""

import itertools

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"state"}
_NUMBERS = itertools.count(1)


@skill("next_number", side_effects="none")
def next_number(prefix: str) -> str:
    return f"{prefix}-{next(_NUMBERS):05d}"


@workflow("planted_global_counter")
async def planted(ctx: Context, prefix: str) -> str:
    return str(await ctx.step(next_number, prefix=prefix))

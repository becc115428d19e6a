"""A read, a wait and a write, by several tasks: some of the additions get lost."""

import asyncio

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"schedule"}


@skill("price", side_effects="reads")
def price(number: int) -> int:
    return 10 + number


@workflow("planted_lost_update")
async def planted(ctx: Context, size: int) -> int:
    total = 0

    async def add(number: int) -> None:
        nonlocal total
        before = total
        total = before + await ctx.call(price.function, number, step_id="price")

    await asyncio.gather(*(add(number) for number in range(2 + size % 3)))
    return total

"""Results in the order in which tasks come to their end."""

import asyncio

from aos_workflow.engine import Context, Retry, workflow
from aos_workflow.skills import skill

CAUSES = {"schedule"}


@skill("probe", side_effects="reads")
async def probe(number: int) -> int:
    await asyncio.sleep(1)
    return number


@workflow("planted_append_race")
async def planted(ctx: Context, size: int) -> list[int]:
    found: list[int] = []

    async def one(number: int) -> None:
        found.append(await ctx.step(probe, number=number, retry=Retry(4)))

    await asyncio.gather(*(one(number) for number in range(2 + size % 4)))
    return found

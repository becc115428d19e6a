"""A branch on the day: the same all day long."""

import datetime

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"clock", "timezone"}


@skill("rate_of_today", side_effects="none")
def rate_of_today(amount: int) -> int:
    return amount * (3 if datetime.date.today().day % 2 else 2)


@workflow("planted_business_day")
async def planted(ctx: Context, amount: int) -> int:
    return int(await ctx.step(rate_of_today, amount=amount + 1))

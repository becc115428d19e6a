"""A deadline that a slow answer misses, and another way then."""

import asyncio

from aos_workflow.engine import Context, Retry, workflow
from aos_workflow.skills import skill

CAUSES = {"fault slow_step"}


@skill("fetch_quote", side_effects="reads")
async def fetch_quote(symbol: str) -> str:
    await asyncio.sleep(9)
    return f"{symbol} 42"


@workflow("planted_slow_is_late")
async def planted(ctx: Context, symbol: str) -> str:
    for _ in range(4):
        try:
            async with asyncio.timeout(10):
                quote = await ctx.step(fetch_quote, symbol=symbol, retry=Retry(1))
        except TimeoutError:
            return "yesterday's"
    return str(quote)

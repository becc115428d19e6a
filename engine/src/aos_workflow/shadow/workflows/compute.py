"""Pure steps, one after the other: a small portfolio is priced, risked and summed up."""

from __future__ import annotations

import hashlib
import itertools
import math
import random
from typing import Any

from aos_workflow.engine import Context, workflow
from aos_workflow.shadow.scenarios import Scenario
from aos_workflow.skills import skill
from aos_workflow.skills.step_context import current_step

_TICKERS = ("AGL", "BRK", "CHV", "DLT", "EMR", "FCX", "GIS", "HSY", "INC")
_DAYS = 16


@skill("price_path", side_effects="none")
def price_path(ticker: str, start: float) -> dict[str, Any]:
    """Prices of some days: a random walk that follows from the step's seed."""
    walk = current_step().random
    price, prices = start, []
    for _ in range(_DAYS):
        price = round(price * (1 + walk.gauss(0.0, 0.02)), 4)
        prices.append(price)
    return {"ticker": ticker, "prices": prices}


@skill("volatility", side_effects="none")
def volatility(ticker: str, prices: list[float]) -> dict[str, Any]:
    """Standard deviation of the returns."""
    returns = [later / sooner - 1 for sooner, later in itertools.pairwise(prices)]
    mean = math.fsum(returns) / len(returns)
    variance = math.fsum((each - mean) ** 2 for each in returns) / (len(returns) - 1)
    return {"ticker": ticker, "volatility": round(math.sqrt(variance), 8)}


@skill("summarise", side_effects="none")
def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The riskiest first, and a digest over all."""
    ranked = sorted(rows, key=lambda row: (-row["volatility"], row["ticker"]))
    digest = hashlib.sha256(repr(ranked).encode()).hexdigest()
    return {"ranked": [row["ticker"] for row in ranked], "digest": digest}


@workflow("shadow_compute")
async def compute(ctx: Context, tickers: list[str], start: float) -> dict[str, Any]:
    """Four to nine steps a run, and one to sum up."""
    rows = []
    for ticker in tickers:
        path = await ctx.step(price_path, ticker=ticker, start=start)
        rows.append(await ctx.step(volatility, **path))
    return dict(await ctx.step(summarise, rows=rows))


def _inputs(draw: random.Random) -> dict[str, Any]:
    return {
        "tickers": draw.sample(_TICKERS, draw.randint(2, 5)),
        "start": round(draw.uniform(10.0, 500.0), 2),
    }


SCENARIO = Scenario(compute, inputs=_inputs)

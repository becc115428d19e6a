"""Many things at once: shards are worked on side by side, by tasks of several kinds, and put together in order."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from aos_workflow.engine import Context, Retry, workflow
from aos_workflow.errors import StepFailedError
from aos_workflow.shadow.scenarios import Scenario
from aos_workflow.skills import skill
from aos_workflow.skills.step_context import current_step


@skill("scan_shard", side_effects="reads")
async def scan_shard(shard: int) -> dict[str, Any]:
    """What a shard holds; some take longer than others."""
    draw = current_step().random
    await asyncio.sleep(draw.uniform(0.0, 2.0))
    return {"shard": shard, "hits": draw.randrange(1000)}


@skill("rank", side_effects="none")
def rank(hits: list[dict[str, Any]]) -> list[int]:
    """The shards, fullest first."""
    return [each["shard"] for each in sorted(hits, key=lambda each: (-each["hits"], each["shard"]))]


@workflow("shadow_fan_out")
async def fan_out(ctx: Context, shards: int, limit: int) -> dict[str, Any]:
    """A group, then tasks of the program's own, which do two things each."""

    async def scan_twice(shard: int) -> int:
        first = await ctx.step(scan_shard, shard=shard, retry=Retry(4))
        await ctx.sleep(first["hits"] % 7)
        second = await ctx.step(scan_shard, shard=shard + 100, retry=Retry(4))
        return int(first["hits"] + second["hits"])

    async with ctx.group(limit=limit) as group:
        scans = [group.step(scan_shard, shard=shard, retry=Retry(4)) for shard in range(shards)]
    ranked = await ctx.step(rank, hits=[scan.result() for scan in scans])
    found = await asyncio.gather(*(scan_twice(s) for s in ranked[:3]), return_exceptions=True)
    sums = [each if isinstance(each, int) else _code(each) for each in found]
    return {"ranked": ranked, "sums": sums, "luck": ctx.random.randrange(100)}


def _code(error: object) -> str:
    if isinstance(error, StepFailedError):
        return str(error.error_code)
    raise TypeError(f"neither a sum nor a failed step: {error!r}")


def _inputs(draw: random.Random) -> dict[str, Any]:
    return {"shards": draw.randint(2, 8), "limit": draw.randint(1, 4)}


SCENARIO = Scenario(fan_out, inputs=_inputs)

"""Workflows for exercises: one that works, one that fails until somebody mends it, one that is slow, one that asks."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

__all__ = ["drill", "drill_asks", "drill_fails", "drill_slow", "read_logs", "repair", "web_search"]


def _reachable() -> bool:
    return True


@skill("read_logs", side_effects="reads", cost_cents=1, probe=_reachable)
async def read_logs(host: str) -> str:
    """What a machine has written."""
    return f"logs of {host}: disk nearly full"


@skill("web_search", side_effects="reads", cost_cents=2, probe=_reachable)
async def web_search(query: str) -> list[str]:
    """What others did about it."""
    return [f"how to clean up after: {query}"]


@skill("repair", side_effects="writes", cost_cents=5)
def repair(host: str, mended: str = "") -> str:
    """Cleans up; fails until the file ``mended`` exists, if one is named.

    Raises:
        RuntimeError: it does not exist yet.
    """
    if mended and not Path(mended).exists():
        raise RuntimeError(f"{host} does not let us in")
    return f"{host} is clean"


@workflow("drill")
async def drill(ctx: Context, host: str = "db-1") -> str:
    """Three steps, all of which work."""
    logs = await ctx.step(read_logs, host)
    await ctx.step(web_search, logs)
    return str(await ctx.step(repair, host))


@workflow("drill-fails")
async def drill_fails(ctx: Context, mended: str, host: str = "db-1") -> str:
    """Fails at its second step until it is mended."""
    await ctx.step(read_logs, host)
    return str(await ctx.step(repair, host, mended))


@workflow("drill-slow")
async def drill_slow(ctx: Context, seconds: float = 60.0) -> str:
    """Holds a worker for a while."""
    await ctx.call(asyncio.sleep, seconds)
    return str(await ctx.step(read_logs, "db-1"))


@workflow("drill-asks")
async def drill_asks(ctx: Context, host: str = "db-1") -> str:
    """Asks people before it repairs."""
    answer = await ctx.approve("repair", {"host": host})
    return str(await ctx.step(repair, host)) if answer else "left alone"

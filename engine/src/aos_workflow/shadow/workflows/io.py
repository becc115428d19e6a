"""The outside world: pages are fetched with retries and time limits, rows are written, and an hour is slept."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from aos_workflow.engine import Context, Retry, workflow
from aos_workflow.shadow.scenarios import Scenario
from aos_workflow.skills import skill
from aos_workflow.skills.step_context import current_step

_PAGES = ("orders", "invoices", "refunds", "customers", "stock")


class _BusyError(Exception):
    """What a server says now and then."""


@skill("get_page", side_effects="reads")
async def get_page(path: str) -> dict[str, Any]:
    """A page, after some time; the first try may meet a busy server, as the step's seed has it."""
    step = current_step()
    await asyncio.sleep(step.random.uniform(0.01, 0.8))
    if step.attempt == 1 and step.seed % 5 == 0:
        raise _BusyError("503")
    return {"path": path, "etag": f"{step.seed:016x}", "rows": step.seed % 50}


@skill("write_row", side_effects="writes")
def write_row(path: str, rows: int) -> dict[str, Any]:
    """One row in a table that is not there; blocking, so it runs in a thread."""
    return {"path": path, "written": rows, "key": current_step().idempotency_key}


@workflow("shadow_io")
async def io(ctx: Context, paths: list[str], pause_s: int) -> dict[str, Any]:
    """Each page is fetched and its rows written; between two pages is a pause."""
    started = ctx.now()
    written = 0
    for path in paths:
        page = await ctx.step(get_page, path=path, retry=Retry(4, backoff_s=0.5), timeout_s=30)
        done = await ctx.step(write_row, path=path, rows=page["rows"], retry=Retry(4))
        written += done["written"]
        await ctx.sleep(pause_s)
    return {"written": written, "started": started.isoformat(), "batch": str(ctx.uuid())}


def _inputs(draw: random.Random) -> dict[str, Any]:
    return {"paths": draw.sample(_PAGES, draw.randint(1, 4)), "pause_s": draw.randint(0, 3600)}


SCENARIO = Scenario(io, inputs=_inputs)

"""An id of its own for each order."""

import uuid
from typing import Any

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"uuid"}


@skill("place_order", side_effects="writes")
def place_order(item: str) -> dict[str, Any]:
    return {"order": str(uuid.uuid4()), "item": item}


@workflow("planted_fresh_uuid")
async def planted(ctx: Context, item: str) -> dict[str, Any]:
    return dict(await ctx.step(place_order, item=item))

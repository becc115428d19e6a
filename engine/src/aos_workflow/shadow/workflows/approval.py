"""People: a change is proposed, approved or not, signalled as done, and a part of it is a run of its own."""

from __future__ import annotations

import random
from typing import Any

from aos_workflow.engine import Context, Retry, workflow
from aos_workflow.shadow.scenarios import Scenario
from aos_workflow.skills import skill
from aos_workflow.skills.step_context import current_step


@skill("propose", side_effects="none")
def propose(service: str, replicas: int) -> dict[str, Any]:
    """What would be changed, and what it would cost a month."""
    return {"service": service, "replicas": replicas, "monthly_cents": replicas * 1250}


@skill("apply_change", side_effects="writes")
async def apply_change(service: str, replicas: int) -> dict[str, Any]:
    """Do it."""
    return {"service": service, "replicas": replicas, "change": current_step().idempotency_key}


@workflow("shadow_rollout")
async def rollout(ctx: Context, service: str, replicas: int) -> dict[str, Any]:
    """The child run that changes one service."""
    done = await ctx.step(apply_change, service=service, replicas=replicas, retry=Retry(4))
    await ctx.sleep(300)
    return {"change": done["change"], "settled": ctx.now().isoformat()}


@workflow("shadow_approval")
async def approval(ctx: Context, service: str, replicas: int) -> dict[str, Any]:
    """Ask, wait, act, and wait for the word that it went well."""
    proposal = await ctx.step(propose, service=service, replicas=replicas)
    answer = await ctx.approve("change", proposal, expires_in_s=86_400)
    if not answer:
        return {"done": False, "decision": answer.decision}
    child = await ctx.child(rollout, service=service, replicas=replicas)
    seen = await ctx.signal("seen healthy")
    return {"done": True, "child": child, "seen": seen}


def _inputs(draw: random.Random) -> dict[str, Any]:
    return {"service": draw.choice(("web", "api", "batch")), "replicas": draw.randint(1, 9)}


SCENARIO = Scenario(approval, inputs=_inputs, children=(rollout,))

"""An agent: a planner writes a plan, the sandbox checks it, and its steps are done in the order of the plan."""

from __future__ import annotations

import random
from typing import Any

from aos_workflow.engine import Context, Retry, workflow
from aos_workflow.shadow.scenarios import Scenario
from aos_workflow.skills import skill
from aos_workflow.skills.step_context import current_step

_ALERTS = ("disk", "memory", "latency")


@skill("inspect_node", side_effects="none")
def inspect_node(node: str) -> dict[str, Any]:
    """How a node is."""
    draw = current_step().random
    return {"node": node, "load": round(draw.random(), 4), "healthy": draw.random() < 0.7}


@skill("drain_node", side_effects="writes")
async def drain_node(node: str) -> dict[str, Any]:
    """Take a node out of service."""
    return {"node": node, "drained": True, "key": current_step().idempotency_key}


@skill("write_plan", side_effects="reads", cost_cents=0.2)
async def write_plan(alert: str, nodes: list[str]) -> dict[str, Any]:
    """A plan over some of the nodes, as a model would write it."""
    draw = current_step().random
    chosen = draw.sample(nodes, draw.randint(1, len(nodes)))
    looks = [
        {"step_id": f"look_{index}", "skill": "inspect_node", "inputs": {"node": node}}
        for index, node in enumerate(chosen)
    ]
    last = {
        "step_id": "drain",
        "skill": "drain_node",
        "inputs": {"node": chosen[0]},
        "depends_on": [look["step_id"] for look in looks],
    }
    return {"workflow_id": f"fix_{alert}", "steps": [*looks, last]}


@workflow("shadow_planner")
async def planner(ctx: Context, alert: str, nodes: list[str]) -> dict[str, Any]:
    """Plan, then act; a step of the plan is a step of the run."""
    plan = await ctx.plan(write_plan, alert=alert, nodes=nodes, retry=Retry(4))
    found = {}
    for step in plan["steps"]:
        done = await ctx.step(
            step["skill"], **step["inputs"], step_id=step["step_id"], retry=Retry(4)
        )
        found[step["step_id"]] = done
    return {"plan": plan["workflow_id"], "found": found}


def _inputs(draw: random.Random) -> dict[str, Any]:
    nodes = [f"node-{index}" for index in range(draw.randint(1, 5))]
    return {"alert": draw.choice(_ALERTS), "nodes": nodes}


SCENARIO = Scenario(planner, inputs=_inputs)

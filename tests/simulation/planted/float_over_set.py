"""A mean over a set: every order rounds in its own way."""

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"float"}
WEIGHTS = {f"node-{n}": 0.1 * n + 1e9 / (n + 1) for n in range(40)}


@skill("total_of", side_effects="none")
def total_of(scale: float) -> float:
    total = 0.0
    for name in set(WEIGHTS):
        total += WEIGHTS[name] * (scale + 1.7)
    return total


@workflow("planted_float_over_set")
async def planted(ctx: Context, scale: float) -> float:
    return float(await ctx.step(total_of, scale=scale))

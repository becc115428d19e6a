"""Tags without duplicates, in the order of a set."""

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"order"}


@skill("unique", side_effects="none")
def unique(words: list[str]) -> list[str]:
    return list({*words, "alpha", "beta", "gamma", "delta", "epsilon"})


@workflow("planted_set_order")
async def planted(ctx: Context, words: list[str]) -> list[str]:
    return list(await ctx.step(unique, words=words))

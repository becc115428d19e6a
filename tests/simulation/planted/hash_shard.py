"""A shard by the hash of a text."""

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"process"}


@skill("shard_of", side_effects="none")
def shard_of(name: str) -> int:
    return hash(name) % 4096


@workflow("planted_hash_shard")
async def planted(ctx: Context, name: str) -> int:
    return int(await ctx.step(shard_of, name=name))

"""The default repr of an object."""

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"process"}


class Handle:
    pass


@skill("describe", side_effects="none")
def describe(number: int) -> str:
    return f"{number} by {Handle()!r}"


@workflow("planted_object_address")
async def planted(ctx: Context, number: int) -> str:
    return str(await ctx.step(describe, number=number))

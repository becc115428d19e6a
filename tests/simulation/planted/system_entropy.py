"""A token from the system's entropy."""

import secrets

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"entropy"}


@skill("invite", side_effects="none")
def invite(name: str) -> str:
    return f"{name}-{secrets.token_hex(3)}"


@workflow("planted_system_entropy")
async def planted(ctx: Context, name: str) -> str:
    return str(await ctx.step(invite, name=name))

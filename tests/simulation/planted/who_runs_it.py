"""The user's name, in the result."""

import os

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"environment"}


@skill("sign_off", side_effects="none")
def sign_off(text: str) -> str:
    return f"{text} ({os.environ.get('USER', 'nobody')})"


@workflow("planted_who_runs_it")
async def planted(ctx: Context, text: str) -> str:
    return str(await ctx.step(sign_off, text=text))

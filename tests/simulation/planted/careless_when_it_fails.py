"""Fine, until a step fails: then a replica is chosen by chance. Only seen under a fault."""

import random

from aos_workflow.engine import Context, workflow
from aos_workflow.errors import StepFailedError
from aos_workflow.skills import skill

CAUSES = {"random"}
NEEDS = {"exception", "timeout"}


@skill("read_primary", side_effects="reads")
def read_primary(key: str) -> str:
    return f"{key}: 1"


@skill("read_replica", side_effects="reads")
def read_replica(key: str, replica: int) -> str:
    return f"{key}: 1"


@workflow("planted_careless_when_it_fails")
async def planted(ctx: Context, key: str) -> list[str]:
    found = []
    for _ in range(3):
        try:
            found.append(await ctx.step(read_primary, key=key))
        except StepFailedError:
            chosen = random.randrange(1_000_000)
            found.append(await ctx.call(_read, key, chosen, step_id="read_replica"))
    return found


def _read(key: str, replica: int) -> str:
    return f"{key}: {replica % 7}"

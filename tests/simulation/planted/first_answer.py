"""Whoever answers first is believed."""

import asyncio

from aos_workflow.engine import Context, Retry, workflow
from aos_workflow.skills import skill

CAUSES = {"schedule"}


@skill("ask_replica", side_effects="reads")
def ask_replica(replica: str) -> str:
    return f"from {replica}"


@workflow("planted_first_answer")
async def planted(ctx: Context, rounds: int) -> str:
    tasks = [
        asyncio.create_task(ctx.step(ask_replica, replica=name, retry=Retry(4))) for name in "abc"
    ]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    first = next(task for task in tasks if task.done())
    answer = str(first.result())
    await asyncio.gather(*tasks)
    return answer

"""A default that is shared by all calls."""

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"state"}


def _remember(word: str, seen: list[str] = []) -> int:  # noqa: B006 - the bug
    seen.append(word)
    return len(seen)


@skill("remember", side_effects="none")
def remember(word: str) -> int:
    return _remember(word)


@workflow("planted_shared_default")
async def planted(ctx: Context, word: str) -> int:
    return int(await ctx.step(remember, word=word))

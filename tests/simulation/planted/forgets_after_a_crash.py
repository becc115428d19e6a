"""Steps that fill a list of the workflow: a run that is taken up again is served them, and the list stays empty."""

from aos_workflow.engine import Context, Retry, workflow

CAUSES = {
    "fault crash_before_commit",
    "fault crash_after_commit",
    "fault lost_connection",
    "fault version_conflict",
    "fault worker_death",
}


@workflow("planted_forgets_after_a_crash")
async def planted(ctx: Context, size: int) -> int:
    seen: list[int] = []

    def visit(number: int) -> int:
        seen.append(number)
        return number

    for number in range(2 + size % 5):
        await ctx.call(visit, number, step_id="visit", retry=Retry(4))
    return len(seen)

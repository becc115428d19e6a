"""A report's path, made absolute."""

from pathlib import Path

from aos_workflow.engine import Context, workflow
from aos_workflow.skills import skill

CAUSES = {"folder"}


@skill("report_path", side_effects="none")
def report_path(name: str) -> str:
    return str(Path(f"{name}.html").absolute())


@workflow("planted_where_it_runs")
async def planted(ctx: Context, name: str) -> str:
    return str(await ctx.step(report_path, name=name.replace(" ", "_")))

"""Plans: what a planner gives is judged before anything of it runs, and recorded as data."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engine.skills_for_tests import World

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.checkpoint.records import RunStatus
from aos_workflow.engine import Context, WorkflowEngine, workflow
from aos_workflow.planner_sandbox import PlannerSandbox, SandboxPolicy, SkillRule
from aos_workflow.skills import SkillRegistry, skill

POLICY = SandboxPolicy(skills={"pay": SkillRule()})


def plan_with(amount: Any, to: str = "ann") -> dict[str, Any]:
    return {"steps": [{"skill": "pay", "step_id": "a", "inputs": {"amount": amount, "to": to}}]}


async def run_with(plan: Any, sandbox: PlannerSandbox | None) -> Any:
    world = World()

    @skill("planner")
    async def planner() -> Any:
        return plan

    @workflow("planned")
    async def planned(ctx: Context) -> Any:
        made = await ctx.plan(planner)
        return [await ctx.step("pay", **step["inputs"]) for step in made["steps"]]

    engine = WorkflowEngine(world.registry(), MemoryStore(), policy=None, sandbox=sandbox)
    result = await engine.run(planned, seed=1)
    await engine.close()
    return world, result


async def test_a_good_plan_is_run_in_its_canonical_form() -> None:
    world, result = await run_with(plan_with(2.0), PlannerSandbox(POLICY))
    assert result.output == ["2 to ann"]
    assert list(result.step_results[0].output["steps"][0]) == ["inputs", "skill", "step_id"]
    assert world.calls["pay ann"] == 1


async def test_a_bad_plan_fails_its_step_with_every_reason_and_nothing_runs() -> None:
    plan = plan_with(1, "http://169.254.169.254/")
    plan["steps"][0]["skill"] = "shell"
    world, result = await run_with(plan, PlannerSandbox(POLICY))
    assert result.status is RunStatus.FAILED
    assert result.error_code == "PLAN_REJECTED"
    assert "shell" in (result.error_message or "")
    assert not world.calls


@pytest.mark.parametrize("host", ["0x7f000001", "169.254.169.254"])
@pytest.mark.parametrize("by_name", [True, False])
async def test_what_references_give_is_judged_before_the_step_runs(
    host: str, *, by_name: bool
) -> None:
    fetched: list[str] = []

    @skill("planner", side_effects="none")
    def planner() -> Any:
        inputs = {"url": "http://${a}/", "method": "GET"}
        return {
            "steps": [
                {"step_id": "a", "skill": "hosts", "inputs": {}},
                {"step_id": "b", "skill": "fetch", "inputs": inputs},
            ]
        }

    @skill("hosts", side_effects="reads")
    def hosts(fixed: str = "") -> str:
        return host

    @skill("fetch", side_effects="reads")
    def fetch(url: str, method: str) -> str:
        fetched.append(url)
        return url

    @workflow("planned")
    async def planned(ctx: Context) -> Any:
        plan = await ctx.plan(planner)
        given = await ctx.step(hosts)
        await ctx.step(fetch, "https://example.com/", "GET")
        await ctx.step(fetch, "http://127.0.0.1/", "POST")  # the workflow's own
        url = plan["steps"][1]["inputs"]["url"].replace("${a}", given)
        return await ctx.step("fetch" if by_name else fetch, url=url, method="GET")

    policy = SandboxPolicy(skills={"hosts": SkillRule(), "fetch": SkillRule()})
    engine = WorkflowEngine(
        SkillRegistry(planner, hosts, fetch),
        MemoryStore(),
        policy=None,
        sandbox=PlannerSandbox(policy),
    )
    result = await engine.run(planned, seed=1)
    await engine.close()
    assert result.error_code == "PLAN_REJECTED"
    assert "ADDRESS_INTERNAL" in (result.error_message or "")
    assert fetched == ["https://example.com/", "http://127.0.0.1/"]


async def test_without_a_sandbox_there_are_no_plans() -> None:
    _, result = await run_with(plan_with(1), None)
    assert result.error_code == "USAGE"
    assert "sandbox" in (result.error_message or "")

"""What simulations found in the engine, each as the smallest case that shows it."""

from __future__ import annotations

import pytest

from aos_workflow.engine import Context, Retry, workflow
from aos_workflow.shadow.comparing import is_same
from aos_workflow.shadow.cycle import run_side
from aos_workflow.shadow.records import Cycle, Fault, Side, SideResult
from aos_workflow.shadow.scenarios import Programs, Scenario
from aos_workflow.shadow.workflows import shipped
from aos_workflow.skills import skill

ROLLOUT = {"service": "web", "replicas": 5}


def both(cycle: Cycle, programs: Programs) -> tuple[SideResult, SideResult]:
    return run_side(cycle, Side.PRIMARY, programs), run_side(cycle, Side.SHADOW, programs)


@pytest.mark.parametrize("kind", ["lost_connection", "version_conflict", "budget_store_loss"])
def test_what_happens_to_a_child_run_is_no_failure_of_its_parent(kind: str) -> None:
    for at in range(40 if kind == "lost_connection" else 10):
        fault = Fault(kind, at, Side.SHADOW, {"applied": at % 2})
        cycle = Cycle(1, 6, "shadow_approval", ROLLOUT, (fault,), {"schedule": 1})
        primary, shadow = both(cycle, shipped())
        assert primary.status == "completed"
        assert is_same(primary, shadow), (at, shadow)


@skill("shaky", side_effects="reads")
async def shaky(number: int) -> int:
    if number == 2:
        raise ValueError("on purpose")
    return number


@workflow("half_done")
async def half_done(ctx: Context) -> list[int]:
    """The third of a group fails, after the first two are committed."""
    async with ctx.group(limit=1) as group:
        done = [group.step(shaky, number=number, retry=Retry(1)) for number in range(4)]
    return [each.result() for each in done]


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("kind", ["crash_before_commit", "crash_after_commit"])
def test_a_failed_group_that_is_taken_up_again_fails_again(kind: str, at: int) -> None:
    """Its failed step is served at once, before the others have asked for what they had done."""
    cycle = Cycle(1, 1, "half_done", {}, (Fault(kind, at, Side.SHADOW),), {"schedule": at})
    primary, shadow = both(cycle, Programs([Scenario(half_done)]))
    assert primary.status == shadow.status == "failed"
    assert shadow.error_code == "EXECUTION_ERROR"
    assert is_same(primary, shadow)

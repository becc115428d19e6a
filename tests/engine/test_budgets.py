"""What runs are charged, whatever becomes of their tries."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aos_workflow.checkpoint import MemoryStore, RunStatus
from aos_workflow.engine import Context, Retry, RunResult, Workflow, WorkflowEngine, workflow
from aos_workflow.engine.forking import fork
from aos_workflow.errors import RunStateError, UsageError
from aos_workflow.policies import Limits, MemoryBudgets, PolicyEnforcer
from aos_workflow.skills import SkillRegistry, current_step, skill


class Shop:
    """Skills that cost something, an engine with a ceiling, and its accounts."""

    def __init__(self, ceiling_cents: float = 100) -> None:
        self.calls: list[str] = []
        self.began = asyncio.Event()
        self.budgets = MemoryBudgets()
        self.store = MemoryStore()
        self.ceiling_cents = ceiling_cents

        @skill("unpriced", side_effects="writes")
        async def unpriced(number: int) -> int:
            current_step().spend(30)
            return number

        @skill("flaky", side_effects="writes", cost_cents=10)
        async def flaky() -> None:
            self.calls.append("flaky")
            current_step().spend(60)
            raise ValueError("no answer")

        @skill("slow", side_effects="writes", cost_cents=60)
        async def slow() -> None:
            self.calls.append("slow")
            current_step().spend(60)
            self.began.set()
            await asyncio.sleep(60)

        @skill("pay", side_effects="writes", cost_cents=40)
        async def pay(number: int) -> int:
            self.calls.append("pay")
            return number

        self.unpriced, self.flaky, self.slow, self.pay = unpriced, flaky, slow, pay

    def engine(self) -> WorkflowEngine:
        limits = Limits(workflow_ceiling_cents=self.ceiling_cents, tenant_ceiling_cents=10_000)
        policy = PolicyEnforcer(limits, self.budgets)
        registry = SkillRegistry()
        for each in (self.unpriced, self.flaky, self.slow, self.pay):
            registry.register(each)
        return WorkflowEngine(registry, self.store, policy=policy, emergency=None)

    async def run(self, what: Workflow, run_id: str = "r", **options: Any) -> RunResult:
        async with self.engine() as engine:
            return await engine.run(what, run_id=run_id, seed=1, **options)

    async def spent(self, run_id: str = "r") -> tuple[float, float]:
        """Cents spent and held in the run's account."""
        spent, held = await self.budgets.balance(f"budget:run:{run_id}")
        return spent / 10_000, held / 10_000

    async def tenant_spent(self) -> float:
        keys = [key for key in self.budgets._balances if key.startswith("budget:tenant:")]
        return sum([(await self.budgets.balance(key))[0] for key in keys]) / 10_000


async def test_what_a_skill_spends_undeclared_is_charged_and_ends_at_the_ceiling() -> None:
    shop = Shop()

    @workflow("many")
    async def many(ctx: Context) -> None:
        for number in range(20):
            await ctx.step(shop.unpriced, number)

    for _ in range(2):
        result = await shop.run(many)
        assert (result.status, result.error_code) == (RunStatus.SUSPENDED, "BUDGET_EXCEEDED")
        assert result.errors == (f"BUDGET_EXCEEDED: {result.reason}",)
        assert await shop.spent() == (120, 0)
        assert await shop.tenant_spent() == 120


async def test_a_run_with_a_ceiling_of_its_own_goes_on_after_a_raise() -> None:
    shop = Shop(10_000)

    @workflow("tight", budget_cents=100)
    async def tight(ctx: Context) -> list[int]:
        return [await ctx.step(shop.pay, number) for number in range(3)]

    assert (await shop.run(tight)).error_code == "BUDGET_EXCEEDED"
    async with shop.engine() as engine:
        engine.register(tight)
        assert (await engine.resume("r")).error_code == "BUDGET_EXCEEDED"
        assert (await engine.resume("r", budget_cents=110)).error_code == "BUDGET_EXCEEDED"
        with pytest.raises(UsageError):
            await engine.resume("r", budget_cents=-1)
        result = await engine.resume("r", budget_cents=120)
        assert (result.status, result.output) == (RunStatus.COMPLETED, [0, 1, 2])
        assert (len(shop.calls), await shop.spent()) == (3, (120, 0))
        with pytest.raises(RunStateError):
            await engine.resume("r", budget_cents=500)


async def test_what_a_failed_try_has_spent_counts_before_the_next() -> None:
    shop = Shop()

    @workflow("stubborn")
    async def stubborn(ctx: Context) -> None:
        await ctx.step(shop.flaky, retry=Retry(5, backoff_s=0))

    for _ in range(3):
        result = await shop.run(stubborn)
        assert result.error_code == "BUDGET_EXCEEDED"
        assert (len(shop.calls), await shop.spent()) == (2, (120, 0))


@pytest.mark.parametrize("limited", [True, False])
async def test_all_tries_together_stay_within_max_cents(limited: bool) -> None:
    shop = Shop(1000)

    @workflow("capped")
    async def capped(ctx: Context) -> None:
        await ctx.step(shop.flaky, retry=Retry(5, backoff_s=0), max_cents=69)

    engine = shop.engine()
    if not limited:
        engine = WorkflowEngine(store=shop.store, policy=None, emergency=None)
    async with engine:
        result = await engine.run(capped, run_id="r", seed=1)
    assert (result.error_code, result.cost_cents) == ("POLICY_VIOLATION", 60)
    assert "has cost 60 cents, and another try would cost 10" in (result.error_message or "")


async def test_every_execution_of_a_step_is_charged() -> None:
    shop = Shop(150)

    @workflow("failing")
    async def failing(ctx: Context) -> None:
        await ctx.step(shop.flaky)

    seen = [(await shop.run(failing)).status.value for _ in range(5)]
    assert seen == ["failed", "failed", "failed", "suspended", "suspended"]
    assert await shop.spent() == (180, 0)


async def test_a_step_that_is_cancelled_is_charged_what_it_said() -> None:
    shop = Shop()

    @workflow("both")
    async def both(ctx: Context) -> None:
        await asyncio.gather(ctx.step(shop.slow), ctx.step(shop.pay, 1, cost_cents=50))

    for _ in range(3):
        assert (await shop.run(both)).error_code == "BUDGET_EXCEEDED"
        assert await shop.spent() == (60, 0)
    assert shop.calls == ["slow"]


async def test_a_run_that_is_given_up_is_charged_what_its_steps_said() -> None:
    shop = Shop()

    @workflow("drained")
    async def drained(ctx: Context) -> None:
        await ctx.step(shop.slow)

    task = asyncio.create_task(shop.run(drained))
    await shop.began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await shop.spent() == (60, 0)


async def test_a_fork_pays_for_the_steps_that_it_executes() -> None:
    shop = Shop(1000)

    @workflow("three")
    async def three(ctx: Context) -> None:
        for number in range(3):
            await ctx.step(shop.pay, number)

    await shop.run(three)
    await fork(shop.store, "r", "3:pay", new_run_id="f")
    for _ in range(2):
        await shop.run(three, "f")
    assert (len(shop.calls), await shop.tenant_spent()) == (4, 160)
    assert (await shop.spent(), await shop.spent("f")) == ((120, 0), (120, 0))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retry", 3),
        ("timeout_s", -1),
        ("timeout_s", 0),
        ("cost_cents", -500),
        ("cost_cents", "7"),
        ("cost_cents", True),
        ("max_cents", float("nan")),
        ("step_id", "1/2:x y\n"),
        ("step_id", ""),
        ("idempotency_key", 7),
    ],
)
async def test_an_option_that_is_none_is_named(name: str, value: Any) -> None:
    shop = Shop()

    @workflow("wrong")
    async def wrong(ctx: Context) -> None:
        with pytest.raises(UsageError, match=f"option '{name}' .* expected ") as caught:
            await ctx.step(shop.pay, 1, **{name: value})
        assert repr(value) in str(caught.value)

    assert (await shop.run(wrong)).ok
    assert (shop.calls, await shop.spent()) == ([], (0, 0))


@pytest.mark.parametrize("cents", [-5, float("nan"), float("inf"), "x", True])
async def test_a_budget_that_is_none_is_named(cents: Any) -> None:
    shop = Shop()

    @workflow("nothing")
    async def nothing(ctx: Context) -> None:
        return None

    with pytest.raises(UsageError, match=r"budget_cents is .* expected a number of cents"):
        await shop.run(nothing, budget_cents=cents)
    assert await shop.store.load("r") is None

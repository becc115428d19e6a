"""What every budget store must do: hold before, charge once, never beyond the ceiling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from tests.databases import fresh_database, server

from aos_workflow.checkpoint import CheckpointStore
from aos_workflow.errors import (
    BudgetExceededError,
    PolicyStoreLostError,
    PolicyViolationError,
    RateLimitedError,
)
from aos_workflow.policies import (
    BudgetStore,
    Charge,
    Limits,
    MemoryBudgets,
    PolicyEnforcer,
    PostgresBudgets,
    RateLimit,
    RedisBudgets,
    RunScope,
)
from aos_workflow.stack import valkey


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[str, str]]:
    with server() as found, fresh_database(found) as url, valkey() as redis:
        asyncio.run(_migrated(url))
        yield url, redis.url


async def _migrated(url: str) -> None:
    async with CheckpointStore(url):
        pass


@pytest.fixture(params=["memory", "redis", "postgres"])
async def store(
    request: pytest.FixtureRequest, servers: tuple[str, str]
) -> AsyncIterator[BudgetStore]:
    postgres, redis = servers
    made: BudgetStore = {
        "memory": MemoryBudgets,
        "redis": lambda: RedisBudgets(redis),
        "postgres": lambda: PostgresBudgets(postgres),
    }[request.param]()
    if isinstance(made, RedisBudgets):
        await made._client.flushall()
    if isinstance(made, PostgresBudgets):
        await made._transaction(
            lambda connection: connection.execute(
                "TRUNCATE aos.budgets, aos.budget_entries, aos.rates"
            )
        )
    yield made
    await made.close()


def charge(step: str = "1:s", cents: float = 5, run_id: str = "r", **changes: object) -> Charge:
    made = Charge(f"{run_id}:{step}:1", run_id, "t", "w", step, "s", cents)
    return replace(made, **changes)  # type: ignore[arg-type]


async def opened(store: BudgetStore, run_id: str = "r", **limits: object) -> PolicyEnforcer:
    limits.setdefault("workflow_ceiling_cents", 12)
    enforcer = PolicyEnforcer(Limits.model_validate(limits), store)
    await enforcer.open_run(RunScope(run_id, "t", "w"))
    return enforcer


async def spent(store: BudgetStore, run_id: str = "r") -> tuple[float, float]:
    spent, held = await store.balance(f"budget:run:{run_id}")
    return spent / 10_000, held / 10_000


async def test_what_is_held_counts_and_what_is_settled_stays(store: BudgetStore) -> None:
    enforcer = await opened(store)
    first = await enforcer.reserve(charge("1:s"))
    second = await enforcer.reserve(charge("2:s"))
    assert await spent(store) == (0, 10)
    with pytest.raises(BudgetExceededError, match=r"would cost 5 cents; run 'r' has 2 of 12 left"):
        await enforcer.reserve(charge("3:s"))
    await enforcer.settle(first, 1.5)
    await enforcer.release(second)
    assert await spent(store) == (1.5, 0)
    await enforcer.reserve(charge("3:s", 10.5))
    with pytest.raises(BudgetExceededError):
        await enforcer.reserve(charge("4:s", 0.0001))


async def test_an_entry_is_held_and_charged_once_whatever_is_repeated(store: BudgetStore) -> None:
    enforcer = await opened(store)
    for _ in range(3):
        held = await enforcer.reserve(charge())
    assert await spent(store) == (0, 5)
    for _ in range(3):
        await enforcer.settle(held, 5)
    await enforcer.release(held)
    assert await spent(store) == (5, 0)
    await enforcer.reserve(charge())
    assert await spent(store) == (5, 0)


async def test_what_was_committed_before_a_crash_is_charged_and_the_rest_is_free(
    store: BudgetStore,
) -> None:
    before = await opened(store)
    await before.reserve(charge("1:s"))
    await before.reserve(charge("2:s"))
    after = PolicyEnforcer(Limits(workflow_ceiling_cents=12), store)
    for _ in range(2):
        await after.open_run(RunScope("r", "t", "w", None, {"r:1:s:1": 4}))
        assert await spent(store) == (4, 0)
    await after.reserve(charge("2:s", 8))


async def test_a_store_that_has_forgotten_learns_what_a_run_has_spent(store: BudgetStore) -> None:
    enforcer = PolicyEnforcer(Limits(workflow_ceiling_cents=12), store)
    await enforcer.open_run(RunScope("r", "t", "w", None, {"r:1:s:1": 11}))
    assert await spent(store) == (11, 0)
    with pytest.raises(BudgetExceededError):
        await enforcer.reserve(charge("2:s", 2))


async def test_what_its_tries_were_charged_is_not_charged_again_for_a_committed_step(
    store: BudgetStore,
) -> None:
    enforcer = await opened(store)
    for attempt, cents in enumerate((3, 4)):
        held = await enforcer.reserve(replace(charge("1:s"), entry_key=f"r:1:s:7.{attempt}"))
        await enforcer.settle(held, cents)
    for committed, total in ((7, 7), (9, 9), (9, 9)):
        await enforcer.open_run(RunScope("r", "t", "w", None, {"r:1:s:committed": committed}))
        assert await spent(store) == (total, 0)


async def test_what_was_not_held_is_charged_too(store: BudgetStore) -> None:
    enforcer = await opened(store)
    free = await enforcer.reserve(charge("1:s", 0))
    for _ in range(2):
        await enforcer.settle(free, 20)
        assert await spent(store) == (20, 0)
    with pytest.raises(BudgetExceededError, match=r"run 'r' has 0 of 12 left"):
        await enforcer.reserve(charge("2:s", 0))


async def test_nobody_overspends_together(store: BudgetStore) -> None:
    enforcer = await opened(store, workflow_ceiling_cents=100)

    async def one(number: int) -> bool:
        try:
            held = await enforcer.reserve(charge(f"{number}:s", 7))
        except BudgetExceededError:
            return False
        if number % 2:
            await enforcer.settle(held, 7)
        return True

    granted = await asyncio.gather(*(one(number) for number in range(200)))
    assert sum(granted) == 14
    assert sum(await spent(store)) == 98


async def test_a_tenant_has_a_ceiling_over_all_its_runs(store: BudgetStore) -> None:
    limits = Limits(workflow_ceiling_cents=None, tenant_ceiling_cents=10)
    enforcer = PolicyEnforcer(limits, store)
    for run_id in ("a", "b"):
        await enforcer.open_run(RunScope(run_id, "t", "w"))
    await enforcer.settle(await enforcer.reserve(charge(run_id="a")), 5)
    await enforcer.reserve(charge(run_id="b"))
    with pytest.raises(BudgetExceededError, match="tenant 't' has 0 of 10 left"):
        await enforcer.reserve(charge("2:s", run_id="b"))


async def test_a_refused_charge_holds_nothing_anywhere(store: BudgetStore) -> None:
    limits = Limits(workflow_ceiling_cents=100, tenant_ceiling_cents=10)
    enforcer = PolicyEnforcer(limits, store)
    await enforcer.open_run(RunScope("r", "t", "w"))
    with pytest.raises(BudgetExceededError):
        await enforcer.reserve(charge(cents=11))
    assert await spent(store) == (0, 0)


async def test_rates(store: BudgetStore) -> None:
    rates = (RateLimit(name="slow", per_s=0.5, burst=2, skill="s"),)
    enforcer = PolicyEnforcer(Limits(rates=rates), store)
    await enforcer.open_run(RunScope("r", "t", "w"))
    for number in range(2):
        await enforcer.reserve(charge(f"{number}:s", 0))
    with pytest.raises(RateLimitedError, match=r"'slow' allows 0\.5 a second") as caught:
        await enforcer.reserve(charge("3:s", 0))
    assert 1.5 < caught.value.retry_after_s <= 2
    await enforcer.reserve(charge("4:s", 0, skill_id="other"))


async def test_a_rate_refills(store: BudgetStore) -> None:
    enforcer = PolicyEnforcer(Limits(rates=(RateLimit(name="fast", per_s=50),)), store)
    await enforcer.open_run(RunScope("r", "t", "w"))
    await enforcer.reserve(charge("1:s", 0))
    with pytest.raises(RateLimitedError) as caught:
        await enforcer.reserve(charge("2:s", 0))
    await asyncio.sleep(caught.value.retry_after_s + 0.02)
    await enforcer.reserve(charge("2:s", 0))


async def test_the_ceiling_of_a_step(store: BudgetStore) -> None:
    enforcer = await opened(store, step_ceiling_cents=5)
    await enforcer.reserve(charge("1:s", 5))
    with pytest.raises(PolicyViolationError, match="the ceiling of a step is 5"):
        await enforcer.reserve(charge("2:s", 5.0001))
    with pytest.raises(PolicyViolationError, match="its max_cents is 3"):
        await enforcer.reserve(charge("3:s", 4, max_cents=3))


@pytest.mark.parametrize("kind", ["redis", "postgres"])
async def test_a_lost_store_stops_steps_or_lets_them_go_as_the_policy_says(kind: str) -> None:
    url = "redis://127.0.0.1:1/0" if kind == "redis" else "postgresql://x@127.0.0.1:1/x"
    store: BudgetStore = RedisBudgets(url) if kind == "redis" else PostgresBudgets(url)
    closed = PolicyEnforcer(Limits(), store)
    with pytest.raises(PolicyStoreLostError, match="cannot be reached") as caught:
        await closed.reserve(charge())
    assert (caught.value.run_id, caught.value.step_path) == ("r", "1:s")
    free = PolicyEnforcer(Limits(), store, on_store_loss="open")
    await free.settle(await free.reserve(charge()), 5)
    assert (closed.store_losses, free.store_losses) == (1, 2)
    await store.close()


async def test_what_costs_nothing_and_no_rate_concerns_asks_nobody() -> None:
    store = RedisBudgets("redis://127.0.0.1:1/0")
    enforcer = PolicyEnforcer(Limits(), store)
    await enforcer.settle(await enforcer.reserve(charge(cents=0)), 0)
    await store.close()

"""What the crash suite runs: a workflow with every kind of step, and stores and skills that die where they are told."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import asyncpg

from aos_workflow.checkpoint import CheckpointStore, MemoryStore
from aos_workflow.checkpoint.records import Commit, Committed
from aos_workflow.engine import Context, WorkflowEngine, workflow
from aos_workflow.policies import Limits, PolicyEnforcer, PostgresBudgets
from aos_workflow.skills import SkillRegistry, current_step, skill

__all__ = [
    "COST_CENTS",
    "PHASES",
    "STEPS",
    "Fuse",
    "engine_of",
    "expected_hash",
    "order",
]

PHASES = ("skill-begins", "skill-ends", "before-commit", "after-commit")
STEPS = 7
"""Of one run: three in each of two branches, and one that joins them. Each of them is a commit or part of one."""
COST_CENTS = 9.0
"""Of one run: four payments of 2, and one of 1."""


class Fuse:
    """Kills this process with -9 at the n-th time that it comes to a phase; ``None`` never does."""

    def __init__(self, phase: str | None = None, number: int = 0) -> None:
        self.phase = phase
        self.left = number

    def burn(self, phase: str) -> None:
        if phase != self.phase:
            return
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


FUSE = Fuse()
"""Of this process."""


class MortalStore(CheckpointStore):
    """A store whose process may die before or after a commit."""

    async def commit(self, commit: Commit) -> Committed:
        FUSE.burn("before-commit")
        done = await super().commit(commit)
        FUSE.burn("after-commit")
        return done


class Outside:
    """A payment service in the same database server, which knows idempotency keys."""

    url: str | None = None


async def _effect(what: str) -> None:
    if Outside.url is None:
        return
    connection = await asyncpg.connect(Outside.url)
    try:
        key = current_step().idempotency_key
        await connection.execute(
            "INSERT INTO public.effects (key, what) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            key,
            what,
        )
    finally:
        await connection.close()


@skill("pay", side_effects="writes", cost_cents=2)
async def pay(amount: int, to: str) -> dict[str, Any]:
    FUSE.burn("skill-begins")
    for _ in range(20):  # a service that is down comes back
        try:
            await _effect(f"{amount} to {to}")
            break
        except (
            OSError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ):
            await asyncio.sleep(0.25)
    FUSE.burn("skill-ends")
    return {"paid": amount, "to": to}


@skill("look", side_effects="reads", cost_cents=1)
async def look(name: str) -> str:
    FUSE.burn("skill-begins")
    await asyncio.sleep(0.001)
    FUSE.burn("skill-ends")
    return f"seen {name}"


@workflow("order", version="1")
async def order(ctx: Context, number: int) -> Any:
    async def branch(name: str) -> Any:
        first = await ctx.step(pay, number, to=name)
        await ctx.sleep(0.001)
        second = await ctx.step(pay, first["paid"] + 1, to=name)
        return [first, second, ctx.random.randint(1, 10**9)]

    left, right = await asyncio.gather(branch("left"), branch("right"))
    return {"left": left, "right": right, "seen": await ctx.step(look, str(number))}


def engine_of(url: str, **options: Any) -> WorkflowEngine:
    """An engine on the database, with shared budgets."""
    policy = PolicyEnforcer(Limits(workflow_ceiling_cents=100), PostgresBudgets(url))
    return WorkflowEngine(
        SkillRegistry(pay, look),
        MortalStore(url, statement_timeout_s=3.0),
        workflows=[order],
        policy=policy,
        emergency=None,
        **options,
    )


def expected_hash(number: int, seed: int) -> str:
    """That of a run that nothing disturbs."""

    async def undisturbed() -> str:
        engine = WorkflowEngine(
            SkillRegistry(pay, look), MemoryStore(), policy=None, emergency=None
        )
        result = await engine.run(order, inputs={"number": number}, seed=seed)
        await engine.close()
        assert result.workflow_hash is not None
        return result.workflow_hash

    before, Outside.url = Outside.url, None
    try:
        return asyncio.run(undisturbed())
    finally:
        Outside.url = before

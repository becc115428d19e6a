"""Whether what the server needs answers, and in what time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aos_workflow.determinism import Clock
from aos_workflow.errors import AosError

if TYPE_CHECKING:
    from aos_workflow.server.backend import Backend

__all__ = ["checks"]


async def checks(back: Backend, limit_s: float) -> dict[str, dict[str, Any]]:
    """By name: ``ok``, ``took_ms``, and ``error`` if it is not well."""
    asked: dict[str, Callable[[], Awaitable[object]]] = {"database": back.store.controls}
    if back.has_shared_budgets and back.engine.policy is not None:
        asked["budgets"] = back.engine.policy.answer
    clock = back.engine.clock
    found = await asyncio.gather(*(_check(ask, clock, limit_s) for ask in asked.values()))
    return dict(zip(asked, found, strict=True))


async def _check(
    ask: Callable[[], Awaitable[object]], clock: Clock, limit_s: float
) -> dict[str, Any]:
    began_s = clock.monotonic()
    error = None
    try:
        async with asyncio.timeout(limit_s):
            await ask()
    except TimeoutError:
        error = f"no answer within {limit_s:g} s"
    except AosError as found:
        error = found.code
    took_ms = round((clock.monotonic() - began_s) * 1000, 1)
    return {"ok": error is None, "took_ms": took_ms, "error": error}

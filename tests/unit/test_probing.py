"""Probes of skills: what they answer, and that none holds anybody up."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from aos_workflow.skills import probe_all, skill


def probed(probe: Any) -> Any:
    @skill("s", probe=probe)
    def function() -> int:
        return 1

    return function


async def yes() -> bool:
    return True


async def refused() -> None:
    raise ConnectionError("nobody listens")


async def never() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("probe", "state", "problem"),
    [
        (None, "no probe", ""),
        (lambda: None, "ok", ""),
        (lambda: True, "ok", ""),
        (lambda: yes(), "ok", ""),
        (yes, "ok", ""),
        (lambda: False, "failed", "its probe says no"),
        (refused, "failed", "ConnectionError: nobody listens"),
        (lambda: 1 / 0, "failed", "ZeroDivisionError: division by zero"),
        (never, "timeout", "no answer within 0.05 s"),
        (threading.Event().wait, "timeout", "no answer within 0.05 s"),
    ],
)
async def test_what_a_probe_says(probe: Any, state: str, problem: str) -> None:
    (found,) = await probe_all([probed(probe)], limit_s=0.05 if state == "timeout" else 5.0)
    assert (found.state, found.problem) == (state, problem)
    assert bool(found) is (state in ("ok", "no probe"))


async def test_all_at_the_same_time() -> None:
    barrier = threading.Barrier(5)
    found = await probe_all([probed(barrier.wait) for _ in range(5)], limit_s=10.0)
    assert all(found)

"""Whether what skills need can be reached: each skill's own probe, with a time limit."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aos_workflow.determinism import Clock, SystemClock
from aos_workflow.skills.skill import Skill

__all__ = ["Probed", "probe_all"]


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of one skill's probe. ``state`` is ``ok``, ``failed``, ``timeout``, or ``no probe``."""

    skill_id: str
    version: str
    state: str
    took_s: float = 0.0
    problem: str = ""

    def __bool__(self) -> bool:
        return self.state in ("ok", "no probe")


async def probe_all(
    skills: Iterable[Skill], *, limit_s: float = 5.0, clock: Clock | None = None
) -> tuple[Probed, ...]:
    """Probe every skill, all at the same time. What takes longer than ``limit_s`` is left behind, and has failed."""
    time = clock or SystemClock()
    return tuple(await asyncio.gather(*(_probe(item, limit_s, time) for item in skills)))


async def _probe(item: Skill, limit_s: float, clock: Clock) -> Probed:
    if item.probe is None:
        return Probed(item.id, item.version, "no probe")
    begun_s = clock.monotonic()
    state, problem = "ok", ""
    try:
        async with asyncio.timeout(limit_s):
            if await _called(item.probe) is False:
                state, problem = "failed", "its probe says no"
    except TimeoutError:
        state, problem = "timeout", f"no answer within {limit_s:g} s"
    except Exception as error:  # noqa: BLE001 - a probe may raise anything, and that is its answer
        state, problem = "failed", f"{type(error).__name__}: {error}"
    return Probed(item.id, item.version, state, round(clock.monotonic() - begun_s, 3), problem)


async def _called(probe: Any) -> Any:
    """What a probe returns. One that is no coroutine gets a thread that nobody waits for: it may hang for ever."""
    if inspect.iscoroutinefunction(probe):
        return await probe()
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)

    def work() -> None:
        result, failure = None, None
        try:
            result = probe()
        except Exception as error:  # noqa: BLE001 - handed to who waits
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=work, daemon=True, name="aos-probe").start()
    found = await answer
    return await found if inspect.isawaitable(found) else found

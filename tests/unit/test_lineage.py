"""Lineage: a step's path depends on the program, not on the scheduler, the clock, or the Python version."""

from __future__ import annotations

import asyncio
import random

import pytest

from aos_workflow.engine import Scope, current_scope, lineage_loop, scope
from aos_workflow.errors import UsageError


class Steps:
    """Notes the paths of steps in the order in which they happen."""

    def __init__(self, delays: random.Random) -> None:
        self.paths: list[str] = []
        self.delays = delays

    async def step(self, name: str) -> str:
        path = current_scope().next_path(name)
        await asyncio.sleep(self.delays.random() / 500)
        self.paths.append(path)
        return path


async def tour(steps: Steps) -> list[str]:
    """Every way in which a workflow makes tasks; returns the paths by place in the program."""

    async def two(name: str) -> list[str]:
        first = await steps.step(name)
        return [first, await steps.step("then"), await steps.step("then")]

    async def nested() -> list[str]:
        return [path for paths in await asyncio.gather(two("in"), two("in")) for path in paths]

    found = [await steps.step("start")]
    for paths in await asyncio.gather(two("slow"), nested(), two("fast")):
        found += paths
    found += await asyncio.wait_for(two("limited"), 5)
    found += await asyncio.wait_for(nested(), 5)
    async with asyncio.timeout(5):
        found += await two("timeout")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(two("group")), group.create_task(nested())]
    for task in tasks:
        found += task.result()
    found += await asyncio.shield(nested())
    done, _ = await asyncio.wait([asyncio.create_task(two("waited"))])
    found += done.pop().result()
    return [*found, await steps.step("start")]


async def run_tour(steps: Steps) -> list[str]:
    with lineage_loop(asyncio.get_running_loop()), scope(Scope("")):
        return await tour(steps)


def _paths(place: str, name: str, start: int = 1) -> list[str]:
    names = enumerate((name, "then", "then"), start)
    return [f"{place}/{number}:{each}" if place else f"{number}:{each}" for number, each in names]


EXPECTED = [
    "1:start",
    *_paths("2", "slow"),
    *_paths("3.1", "in"),
    *_paths("3.2", "in"),
    *_paths("4", "fast"),
    *_paths("", "limited", 5),
    *_paths("8", "in"),
    *_paths("9", "in"),
    *_paths("", "timeout", 10),
    *_paths("13", "group"),
    *_paths("14.1", "in"),
    *_paths("14.2", "in"),
    *_paths("15.1", "in"),
    *_paths("15.2", "in"),
    *_paths("16", "waited"),
    "17:start",
]
"""The same on every CPython, which is why it is written down."""


@pytest.mark.parametrize("seed", range(5))
def test_paths_are_those_of_the_program_under_any_timing(seed: int) -> None:
    steps = Steps(random.Random(seed))
    assert asyncio.run(run_tour(steps)) == EXPECTED
    assert sorted(steps.paths) == sorted(EXPECTED)
    assert len(set(steps.paths)) == len(EXPECTED)


def test_two_chains_keep_their_steps_whichever_is_slow() -> None:
    """The scenario in which counters swap results: steps of one name, the slow branch first."""

    async def chains(slow: str) -> list[list[str]]:
        async def chain(name: str) -> list[str]:
            first = current_scope().next_path("fetch")
            await asyncio.sleep(0.005 if name == slow else 0)
            return [first, current_scope().next_path("mark")]

        with lineage_loop(asyncio.get_running_loop()), scope(Scope("")):
            return list(await asyncio.gather(chain("a"), chain("b")))

    expected = [["1/1:fetch", "1/2:mark"], ["2/1:fetch", "2/2:mark"]]
    assert asyncio.run(chains("a")) == asyncio.run(chains("b")) == expected


def test_tasks_from_a_set_are_refused_inside_a_workflow() -> None:
    async def unordered() -> None:
        steps = Steps(random.Random(0))
        loop = asyncio.get_running_loop()
        refused = pytest.raises(UsageError, match="from a set")
        with lineage_loop(loop), scope(Scope("")), refused:
            next(iter(asyncio.as_completed([steps.step("a")])))

    asyncio.run(unordered())


def test_code_outside_a_workflow_is_left_alone() -> None:
    async def outside() -> str:
        loop = asyncio.get_running_loop()
        with lineage_loop(loop):
            for future in asyncio.as_completed([asyncio.sleep(0, "done")]):
                result = await future
            with pytest.raises(UsageError, match="no workflow is running"):
                current_scope()
        assert loop.get_task_factory() is None
        return result

    assert asyncio.run(outside()) == "done"


def test_workflows_on_one_loop_share_the_factory_and_the_last_puts_back_the_first() -> None:
    async def both() -> object:
        loop = asyncio.get_running_loop()
        made: list[object] = []

        def own(loop: asyncio.AbstractEventLoop, coro: object, **options: object) -> object:
            made.append(coro)
            return asyncio.Task(coro, loop=loop, **options)  # type: ignore[arg-type]

        loop.set_task_factory(own)  # type: ignore[arg-type]
        with lineage_loop(loop), lineage_loop(loop), scope(Scope("9")):
            path = await asyncio.create_task(Steps(random.Random(0)).step("a"))
        assert loop.get_task_factory() is own
        assert len(made) == 1
        return path

    assert asyncio.run(both()) == "9.1/1:a"

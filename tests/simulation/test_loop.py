"""The simulated event loop: one seed is one schedule, time costs nothing, and there is no world."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from aos_workflow.errors import (
    RealIOError,
    SimulatedDeadlockError,
    SimulationError,
    SimulationLimitError,
)
from aos_workflow.simulation import LoopClock, Process, Schedule, SimLoop, process

SEEDS = (1, 2, 3, 2**53 - 1)


def run(work: Callable[[], Awaitable[Any]], seed: int | None = None, **options: Any) -> Any:
    async def main() -> Any:
        return await work()

    with asyncio.Runner(loop_factory=lambda: SimLoop(seed, **options)) as runner:
        return runner.run(main())


async def crowd() -> str:
    """What ten tasks do with a queue, a lock, timers and threads, as one digest."""
    log: list[Any] = []
    queue: asyncio.Queue[Any] = asyncio.Queue(3)
    lock = asyncio.Lock()

    async def worker(number: int) -> None:
        async with lock:
            log.append(("lock", number))
            await asyncio.sleep(0)
        for turn in range(3):
            await asyncio.sleep(number % 3)
            log.append((number, turn))
            await queue.put((number, turn))

    async def reader() -> None:
        for _ in range(30):
            log.append(("read", await queue.get()))

    async with asyncio.TaskGroup() as group:
        group.create_task(reader())
        for number in range(10):
            group.create_task(worker(number))
    await asyncio.gather(*(asyncio.to_thread(log.append, ("thread", n)) for n in range(8)))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await asyncio.sleep(3600)
    log.append(round(asyncio.get_running_loop().time(), 9))
    return hashlib.sha256(repr(log).encode()).hexdigest()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_is_a_schedule(seed: int) -> None:
    assert run(crowd, seed) == run(crowd, seed)


def test_seeds_differ_and_none_is_first_come_first_served() -> None:
    assert len({run(crowd, seed) for seed in SEEDS}) == len(SEEDS)
    assert run(crowd) == run(crowd)


def test_the_schedule_is_the_same_everywhere() -> None:
    """Recorded once; CPython 3.11, 3.12 and 3.13 agree."""
    assert run(crowd, 7)[:16] == "8d9e336dfc9a5b47"


def test_hash_seeds_do_not_matter() -> None:
    code = "from tests.simulation.test_loop import crowd, run; print(run(crowd, 5))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert found == {run(crowd, 5) + "\n"}


def test_the_order_of_cancellation_is_the_seeds() -> None:
    async def cancelled() -> list[str]:
        log: list[str] = []

        async def wait(name: str) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                log.append(name)

        async def crowd() -> None:
            async with asyncio.TaskGroup() as group:
                for name in "abcdefgh":
                    group.create_task(wait(name))
                await asyncio.sleep(1)
                group.create_task(_fail())

        with pytest.raises(ExceptionGroup):
            await crowd()
        return log

    assert run(cancelled, 3) == run(cancelled, 3)
    assert len({"".join(run(cancelled, seed)) for seed in range(6)}) > 1


async def _fail() -> None:
    raise ValueError("on purpose")


def test_an_hour_costs_nothing() -> None:
    async def long() -> float:
        for _ in range(2880):
            await asyncio.sleep(30)
        return asyncio.get_running_loop().time()

    began = time.perf_counter()
    assert run(long) == 86_400
    assert time.perf_counter() - began < 5


def test_timers_due_together_are_drawn() -> None:
    async def together() -> tuple[int, ...]:
        log: list[int] = []
        loop = asyncio.get_running_loop()
        for number in range(6):
            loop.call_at(10.0, log.append, number)
        await asyncio.sleep(11)
        return tuple(log)

    assert run(together) == (0, 1, 2, 3, 4, 5)
    assert len({run(together, seed) for seed in range(8)}) > 4


def test_threads_end_in_a_drawn_order() -> None:
    async def threads() -> tuple[int, ...]:
        log: list[int] = []
        await asyncio.gather(*(asyncio.to_thread(log.append, n) for n in range(6)))
        return tuple(log)

    assert len({run(threads, seed) for seed in range(8)}) > 4


def test_errors_of_threads_come_back() -> None:
    async def failing() -> None:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)

    run(failing, 1)


def test_wait_for_and_async_generators() -> None:
    async def work() -> list[int]:
        closed = []

        async def numbers() -> Any:
            try:
                for number in range(9):
                    await asyncio.sleep(1)
                    yield number
            finally:
                closed.append(1)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(60), 5)
        async for number in numbers():
            if number == 3:
                break
        return closed

    run(work, 1)


IO: dict[str, Callable[[], Awaitable[Any]]] = {
    "loop.create_connection": lambda: asyncio.open_connection("localhost", 80),
    "loop.create_server": lambda: asyncio.start_server(lambda r, w: None, "localhost", 0),
    "loop.subprocess_exec": lambda: asyncio.create_subprocess_exec("true"),
    "loop.getaddrinfo": lambda: asyncio.get_running_loop().getaddrinfo("localhost", 80),
    "loop.add_reader": lambda: _call(lambda: asyncio.get_running_loop().add_reader(0, print)),
    "socket.getaddrinfo": lambda: _call(lambda: urllib.request.urlopen("http://localhost")),
    "subprocess.Popen": lambda: _call(lambda: subprocess.run(["true"], check=False)),
    "os.system": lambda: asyncio.to_thread(os.system, "true"),
}


async def _call(function: Callable[[], Any]) -> None:
    function()


@pytest.mark.parametrize("call", IO)
def test_real_io_is_refused_by_name(call: str) -> None:
    with pytest.raises(RealIOError) as caught:
        run(IO[call])
    assert caught.value.call == call
    assert call in caught.value.message
    if "to_thread" not in call and call != "os.system":
        assert __file__ in str(caught.value.site)


def test_outside_of_a_simulation_nothing_is_refused() -> None:
    run(lambda: asyncio.sleep(0))
    assert subprocess.run([sys.executable, "-c", ""], check=False).returncode == 0


def test_a_deadlock_names_who_waits() -> None:
    async def stuck() -> None:
        await asyncio.gather(asyncio.Event().wait(), asyncio.Queue[int]().get())

    with pytest.raises(SimulatedDeadlockError) as caught:
        run(stuck)
    text = " ".join(caught.value.waiting)
    assert "Event.wait" in text
    assert "Queue.get" in text
    assert __file__ in text


def test_steps_and_time_are_bounded() -> None:
    async def busy() -> None:
        for _ in range(10**9):
            await asyncio.sleep(0)

    async def patient() -> None:
        for _ in range(10**9):
            await asyncio.sleep(3600)

    with pytest.raises(SimulationLimitError, match="10,000 steps"):
        run(busy, max_steps=10_000)
    with pytest.raises(SimulationLimitError, match="86400 virtual seconds"):
        run(patient, max_time_s=86_400)


def test_other_threads_may_not_call_in() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        errors = []

        def call() -> None:
            try:
                loop.call_soon_threadsafe(print)
            except SimulationError as error:
                errors.append(error)

        import threading

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        assert len(errors) == 1

    run(work)


def test_a_killed_process_never_goes_on() -> None:
    log: list[str] = []
    victim = Process("victim")

    async def work(name: str) -> None:
        try:
            while True:
                await asyncio.sleep(1)
                log.append(name)
        finally:
            log.append(f"{name} ends")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        with process(victim):
            task = asyncio.create_task(work("victim"))
        other = asyncio.create_task(work("other"))
        await asyncio.sleep(2.5)
        loop.kill(victim)
        await asyncio.sleep(2)
        assert log == ["victim", "other", "victim", "other", "other", "other"]
        loop.thaw()
        for each in (task, other):
            each.cancel()
        await asyncio.wait([task, other])

    run(main)


def test_only_some_decisions_are_drawn() -> None:
    whole, none, part = Schedule(9), Schedule(9, until=0), Schedule(9, since=2, until=3)
    items = [[list(range(9)) for _ in range(4)] for _ in range(3)]
    for schedule, lists in zip((whole, none, part), items, strict=True):
        for each in lists:
            schedule.shuffle(each)
    assert all(each != list(range(9)) for each in items[0])
    assert all(each == list(range(9)) for each in items[1])
    assert [each != list(range(9)) for each in items[2]] == [False, False, True, False]


def test_the_clock_is_the_loops() -> None:
    async def work() -> tuple[str, float]:
        clock = LoopClock(asyncio.get_running_loop())
        await asyncio.sleep(90)
        return clock.now().isoformat(), clock.monotonic()

    assert run(work) == ("2026-01-01T00:01:30+00:00", 90)

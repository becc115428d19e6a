"""One run on the real engine in a simulated world, to its end: through faults, crashes and questions to people."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from aos_workflow.checkpoint import MemoryStore
from aos_workflow.checkpoint.records import Decision, RunFilter, RunStatus
from aos_workflow.determinism import seeded_random
from aos_workflow.engine import RunResult, WorkflowEngine
from aos_workflow.engine.payload import decode
from aos_workflow.errors import (
    DivergenceError,
    PolicyStoreLostError,
    RunLeasedError,
    ScenarioError,
    SimulatedDeadlockError,
    SimulationLimitError,
    StoreError,
    StoreUnavailableError,
)
from aos_workflow.policies import MemoryBudgets, PolicyEnforcer
from aos_workflow.shadow.clock import PlaceClock
from aos_workflow.shadow.ports import FaultyBudgets, FaultyExecutor, FaultyStore
from aos_workflow.shadow.recorder import MemoryRecorder
from aos_workflow.shadow.records import Cycle, Fault, Side, SideResult
from aos_workflow.shadow.scenarios import Programs
from aos_workflow.shadow.strikes import Strikes
from aos_workflow.simulation import LoopClock, Process, Schedule, SimLoop, process

__all__ = ["SimulatedRun"]

_MOST_ROUNDS = 100
_MOST_STEPS = 2_000_000
_MOST_TIME_S = 10 * 366 * 86_400.0
_NO_BEAT_S = 10 * _MOST_TIME_S
"""Heartbeats would keep a simulation awake in which nothing else ever happens."""
_WORKER_SILENT_S = 181.0
_MOST_FAREWELLS = 10
_OPEN = (RunStatus.SUSPENDED, RunStatus.QUEUED, RunStatus.RUNNING)
_SUSPENDED_FOR_GOOD = ("BUDGET_EXCEEDED",)


class SimulatedRun:
    """The run of one side of a cycle. Used once."""

    def __init__(
        self,
        cycle: Cycle,
        side: Side,
        programs: Programs,
        schedule: Schedule,
        *,
        is_recorded: bool = True,
    ) -> None:
        self._cycle = cycle
        self._programs = programs
        self._scenario = programs.scenario(cycle.workflow)
        self._strikes = Strikes(cycle.faults, side)
        self._loop = SimLoop(schedule=schedule, max_steps=_MOST_STEPS, max_time_s=_MOST_TIME_S)
        self._wall = LoopClock(self._loop)
        self._clock = PlaceClock(self._wall)
        self._store = MemoryStore(clock=self._wall)
        self._budgets: Any = MemoryBudgets(clock=self._wall)
        self._recorder = MemoryRecorder(self._strikes) if is_recorded else None
        self._run_id = f"cycle-{cycle.number}"
        self._workers = 0
        self._task: asyncio.Task[Any] | None = None
        self._member: Process | None = None
        self._crash: asyncio.Future[Fault] | None = None
        self._engine = self._new_engine()

    def result(self) -> SideResult:
        """Run it, and say what it came to.

        Raises:
            ScenarioError: the workflow cannot be simulated, as it reaches for the real world.
        """
        try:
            return self._loop.run_until_complete(self._main_and_end())
        except (SimulatedDeadlockError, SimulationLimitError) as error:
            return self._given_up(error.code)
        finally:
            self._close()

    # rounds

    async def _main_and_end(self) -> SideResult:
        self._task = _this_task()
        try:
            return await self._main()
        finally:
            await self._end()

    async def _main(self) -> SideResult:
        engine = self._engine
        first = self._first(engine)
        result, code = await self._round(first)
        silent_s = _WORKER_SILENT_S
        for _ in range(_MOST_ROUNDS):
            if code is None and result is not None and self._is_over(result):
                return await self._concluded(result)
            if code == DivergenceError.code:
                with suppress(StoreUnavailableError):
                    result = await self._engine.result(self._run_id)
                    return self._side_result(result, error_code=code)
                continue
            if code == RunLeasedError.code:  # by a worker that is dead, and not yet known to be
                await self._answer_all()
                await asyncio.sleep(silent_s)
                silent_s *= 2
            result, code = await self._next_round(result)
        return self._given_up(SimulationLimitError.code)

    def _first(self, engine: WorkflowEngine) -> Callable[[], Awaitable[RunResult]]:
        return lambda: engine.run(
            self._scenario.workflow,
            run_id=self._run_id,
            seed=self._cycle.seed,
            inputs=self._cycle.inputs,
        )

    async def _next_round(self, last: RunResult | None) -> tuple[RunResult | None, str | None]:
        """Do what would be done about a run that is not over: answer, wait, take it up again."""
        if last is not None:
            await self._answer_all()
            if last.resume_in_s:
                await asyncio.sleep(last.resume_in_s)
        waiting = await self._store.list_runs(RunFilter(statuses=_OPEN))
        children = [h.run_id for h in waiting if h.run_id != self._run_id]
        for run_id in sorted(children, key=lambda name: (-name.count("."), name)):
            await self._round(lambda run_id=run_id: self._engine.resume(run_id))  # type: ignore[misc]
        if await self._store.load(self._run_id) is None:
            return await self._round(self._first(self._engine))
        return await self._round(lambda: self._engine.resume(self._run_id))

    async def _round(
        self, work: Callable[[], Awaitable[RunResult]]
    ) -> tuple[RunResult | None, str | None]:
        """One execution: its result; or the code of the error that ended it; or neither, if it crashed."""
        self._clock.begin()
        try:
            if not self._strikes.has("commit"):
                return await work(), None
            return await self._mortal(work), None
        except (DivergenceError, PolicyStoreLostError, StoreError) as error:
            return None, error.code

    async def _mortal(self, work: Callable[[], Awaitable[RunResult]]) -> RunResult | None:
        """The result of an execution in a process that may crash; then ``None``."""
        crash = self._crash = self._loop.create_future()
        member = self._member = Process(f"worker-{self._workers}")
        with process(member):
            task = self._loop.create_task(_awaited(work))
        await asyncio.wait((task, crash), return_when=asyncio.FIRST_COMPLETED)
        if not crash.done():
            return task.result()
        await self._replace_worker(crash.result())
        return None

    def _die(self, fault: Fault) -> None:
        """The process that runs now is gone from this moment on."""
        assert self._member is not None
        assert self._crash is not None
        self._loop.kill(self._member)
        if not self._crash.done():
            self._crash.set_result(fault)

    async def _replace_worker(self, fault: Fault) -> None:
        if fault.kind == "worker_death":
            await self._answer_all()
            await asyncio.sleep(_WORKER_SILENT_S)
            await self._store.reap()
            self._workers += 1
        self._engine = self._new_engine()

    # people

    async def _answer_all(self) -> None:
        for question in await self._store.decisions(open_only=True):
            if question.kind != "child":
                with suppress(StoreUnavailableError):  # who is not heard is asked again
                    await self._answer(question)

    async def _answer(self, question: Decision) -> None:
        draw = seeded_random(self._cycle.seed, "answer", question.run_id, question.step_path)
        request = decode(question.request_json)
        answer = self._scenario.answers(question.kind, question.name, request, draw)
        engine, run_id, name = self._engine, question.run_id, question.name
        if question.kind == "signal":
            await engine.signal(run_id, name, answer.payload, by="simulation")
        else:
            given = {"payload": answer.payload, "approved": answer.approved}
            await engine.approve(run_id, name, by="simulation", **given)

    # results

    def _is_over(self, result: RunResult) -> bool:
        return result.status.is_final or result.error_code in _SUSPENDED_FOR_GOOD

    async def _concluded(self, result: RunResult) -> SideResult:
        if result.ok and self._strikes.has("end") and self._strikes.due("end"):
            again, _ = await self._round(self._first(self._engine))
            result = again or result
        return self._side_result(result)

    def _side_result(self, result: RunResult, error_code: str | None = None) -> SideResult:
        self._refuse_real_io(result)
        return SideResult(
            status=result.status.value,
            workflow_hash=result.workflow_hash or "",
            steps=tuple(
                [
                    (
                        step.step_path,
                        step.skill_id or "",
                        step.step_hash,
                        step.input_hash,
                        step.output_hash or "",
                    )
                    for step in result.step_results
                ]
            ),
            error_code=error_code or result.error_code,
            events=self._events(),
            injected=self._strikes.injected,
        )

    def _given_up(self, code: str) -> SideResult:
        return SideResult("stuck", "", (), code, self._events(), self._strikes.injected)

    def _events(self) -> bytes:
        return b"" if self._recorder is None else self._recorder.events(self._run_id)

    def _refuse_real_io(self, result: RunResult) -> None:
        for step in result.step_results:
            if step.error_code is not None and step.error_code.startswith("SIMULATION"):
                raise ScenarioError(
                    f"workflow {self._cycle.workflow!r}, step {step.step_path!r}: {step.error_message}",
                    hint="simulate with skills that stand in for the real ones",
                )

    # engines

    def _new_engine(self) -> WorkflowEngine:
        store: Any = self._store
        options: dict[str, Any] = {}
        if self._strikes.has("commit") or self._strikes.has("call"):
            store = FaultyStore(self._store, self._strikes, crash=self._die, shift=self._shift)
        if self._strikes.has("step"):
            options["executor"] = FaultyExecutor(self._strikes)
        return WorkflowEngine(
            self._programs.registry,
            store,
            golden=self._recorder,
            policy=self._policy(),
            emergency=None,
            sandbox=self._programs.sandbox,
            workflows=self._programs.workflows if self._crash is not None else (),
            clock=self._clock,
            beat_every_s=_NO_BEAT_S,
            worker_id=f"worker-{self._workers}",
            **options,
        )

    def _policy(self) -> PolicyEnforcer | None:
        """Both sides have one, or neither."""
        kinds = {fault.kind for fault in self._cycle.faults}
        if not self._programs.has_budget(self._cycle.workflow) and "budget_store_loss" not in kinds:
            return None
        faulty = self._strikes.has("budget")
        budgets: Any = FaultyBudgets(self._budgets, self._strikes) if faulty else self._budgets
        return PolicyEnforcer(store=budgets, clock=self._wall)

    def _shift(self, shift_s: float) -> None:
        self._wall.shift_s += shift_s

    async def _end(self) -> None:
        """Cancel what is left, dead or alive, and wait for it."""
        self._strikes.stop()
        self._loop.thaw()
        self._loop.set_exception_handler(_ignore)
        for _ in range(_MOST_FAREWELLS):
            left = asyncio.all_tasks(self._loop)
            left.discard(_this_task())
            if not left:
                return
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=_WORKER_SILENT_S)

    def _close(self) -> None:
        task = self._task
        if task is not None and not task.done():  # the loop gave up in the middle
            task.cancel()
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(task)
        self._loop.close()


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


async def _awaited(work: Callable[[], Awaitable[RunResult]]) -> RunResult:
    return await work()


def _ignore(loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    return None

"""A process that takes queued runs and goes on with them, until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from aos_workflow.checkpoint.port import Store
from aos_workflow.checkpoint.records import Checkpoint, RunStatus, StepStatus, Transition
from aos_workflow.engine.engine import WorkflowEngine
from aos_workflow.engine.result import RunResult
from aos_workflow.errors import AosError, DivergenceError, EmergencyStopError, StoreError

__all__ = ["Dispatcher", "StoreDispatcher", "Worker", "WorkerSettings"]

T = TypeVar("T")
_PORTION = 500
_MAX_PORTIONS = 1_000
Report = Callable[[str, dict[str, object]], None]


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """``concurrency`` runs at a time; ``poll_s`` between looks at an empty queue; waits beyond ``park_after_s`` free
    the worker; ``reap_every_s`` between looks for dead workers, silent for ``dead_after_s``; on a stop, runs have
    ``drain_s`` to come to an end, and are given back then.
    """

    concurrency: int = 10
    poll_s: float = 0.5
    park_after_s: float = 5.0
    reap_every_s: float = 15.0
    dead_after_s: float = 180.0
    drain_s: float = 30.0


class Dispatcher(Protocol):
    """Where a worker's runs come from."""

    async def claim(self, owner: str, limit: int) -> Sequence[Checkpoint]:
        """Up to ``limit`` runs that are this worker's from now on; may wait a while for the first."""
        ...


@dataclass(frozen=True)
class StoreDispatcher:
    """Asks the store, again and again."""

    store: Store
    queues: Sequence[str] = ("default",)

    async def claim(self, owner: str, limit: int) -> Sequence[Checkpoint]:
        return await self.store.claim(owner, queues=self.queues, limit=limit)


class Worker:
    """Runs what is queued. Several may share a store, in one process or on many machines.

    ``report`` is told what happens, as an event name and its fields.
    """

    def __init__(
        self,
        engine: WorkflowEngine,
        *,
        queues: Sequence[str] = ("default",),
        settings: WorkerSettings | None = None,
        dispatcher: Dispatcher | None = None,
        report: Report | None = None,
    ) -> None:
        self.engine = engine
        self.settings = settings or WorkerSettings()
        self.dispatcher: Dispatcher = dispatcher or StoreDispatcher(engine.store, tuple(queues))
        self._report = report or (lambda event, fields: None)
        self._stopping = asyncio.Event()
        self._room = asyncio.Event()
        self._running: dict[asyncio.Task[None], str] = {}

    @property
    def worker_id(self) -> str:
        return self.engine.presence.worker_id

    @property
    def running(self) -> int:
        """How many runs it has now."""
        return len(self._running)

    def stop(self) -> None:
        """Take no more runs, let those that run come to an end, and give back what does not in time."""
        self._stopping.set()
        self._room.set()

    async def run(self) -> None:
        """Work until :meth:`stop`. A store that cannot be reached is waited for."""
        while not self._stopping.is_set() and not await self._patiently(self._join):
            pass
        self._report("worker_started", {"worker_id": self.worker_id})
        async with self._background(self._reap):
            try:
                await self._work()
            finally:
                await self._drain()
                await self.engine.close()
        self._report("worker_stopped", {"worker_id": self.worker_id})

    async def run_until_idle(self) -> int:
        """Work until no run is queued and due; how many were taken up. For tests and one-off jobs."""
        taken = 0
        await self.engine.presence.ensure()
        while heads := await self.dispatcher.claim(self.worker_id, self.settings.concurrency):
            taken += len(heads)
            self._start(heads)
            while self._running:
                await asyncio.wait(list(self._running))
        return taken

    # inside

    async def _work(self) -> None:
        while not self._stopping.is_set():
            heads = await self._patiently(self._claim) or ()
            self._start(heads)
            if not heads:
                await self._pause()

    async def _join(self) -> bool:
        await self.engine.presence.ensure()
        return True

    async def _claim(self) -> Sequence[Checkpoint]:
        free = self.settings.concurrency - len(self._running)
        if free <= 0 or self._is_stopped():
            return ()
        return await self.dispatcher.claim(self.worker_id, free)

    def _start(self, heads: Sequence[Checkpoint]) -> None:
        for head in heads:
            task = asyncio.create_task(self._go_on(head), name=f"run {head.run_id}")
            self._running[task] = head.run_id
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._room.set()

    async def _pause(self) -> None:
        """Until there is room again, or it is time to look."""
        self._room.clear()
        if self._stopping.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.poll_s):
                await self._room.wait()

    async def _go_on(self, head: Checkpoint) -> None:
        fields: dict[str, object] = {
            "run_id": head.run_id,
            "workflow_id": head.workflow_id,
            "tenant_id": head.tenant_id,
        }
        checkpoint = {"version": head.version, "steps": head.next_step_index}
        self._report("run_taken", {**fields, "checkpoint": checkpoint})
        try:
            result = await self.engine.go_on(head, park_after_s=self.settings.park_after_s)
        except DivergenceError as error:
            self._report("run_quarantined", {**fields, **error.to_dict()})
        except StoreError as error:
            self._report("run_lost", {**fields, **error.to_dict()})
        except AosError as error:
            self._report("run_refused", {**fields, **error.to_dict()})
            await self._refuse(head, error)
        else:
            for step in _failures(result):
                self._report("step_failed", {**fields, **step})
            if result.golden_error is not None:
                self._report("golden_failed", {**fields, **result.golden_error.to_dict()})
            self._report("run_left", {**fields, **_summary(result)})

    async def _refuse(self, head: Checkpoint, error: AosError) -> None:
        """What this worker cannot run at all, as code that it does not have, fails rather than goes round."""
        change = Transition(
            head.run_id,
            RunStatus.FAILED,
            by=self.worker_id,
            error_code=error.code,
            error_message=error.message,
            expected_version=head.version,
        )
        with suppress(StoreError):
            await self.engine.store.transition(change)

    def _is_stopped(self) -> bool:
        """Under an emergency stop nothing is taken up."""
        if self.engine.emergency is None:
            return False
        try:
            self.engine.emergency.check_step()
        except EmergencyStopError:
            return True
        return False

    async def _drain(self) -> None:
        if not self._running:
            return
        self._report("worker_draining", {"runs": sorted(self._running.values())})
        await asyncio.wait(list(self._running), timeout=self.settings.drain_s)
        left = list(self._running)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(self.settings.reap_every_s)
            with suppress(StoreError):
                await self._reap_all()

    async def _reap_all(self) -> None:
        """Portion by portion, for a whole rack may be gone."""
        for _ in range(_MAX_PORTIONS):
            found = await self.engine.store.reap(silent_for_s=self.settings.dead_after_s)
            if found:
                self._report("runs_requeued", {"runs": list(found)})
            if len(found) < _PORTION:
                return

    async def _patiently(self, action: Callable[[], Awaitable[T]]) -> T | None:
        """What the action gives; ``None`` if the store could not be reached, after a pause."""
        try:
            return await action()
        except StoreError as error:
            self._report("store_unavailable", error.to_dict())
            await self._pause()
            return None

    @asynccontextmanager
    async def _background(self, work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        task = asyncio.ensure_future(work())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def _failures(result: RunResult) -> list[dict[str, object]]:
    """Every step that failed, also those that the workflow went on without."""
    return [
        {
            "step_path": step.step_path,
            "skill_id": step.skill_id,
            "attempts": step.attempts,
            "error_code": step.error_code,
            "error_message": step.error_message,
        }
        for step in result.step_results
        if step.status is StepStatus.FAILED
    ]


def _summary(result: RunResult) -> dict[str, object]:
    fields: dict[str, object] = {
        "status": result.status.value,
        "cost_cents": result.cost_cents,
        "checkpoint": {"steps": len(result.step_results)},
    }
    for name in ("workflow_hash", "reason", "error_code", "resume_in_s"):
        found = getattr(result, name)
        if found is not None:
            fields[name] = found
    if result.golden_error is not None:
        fields["golden_error"] = result.golden_error.code
    elif result.golden is not None:
        fields["golden"] = str(result.golden)
    return fields

"""The way of one run's steps into the store: in order, one round trip at a time, those that wait together."""

from __future__ import annotations

import asyncio
from collections import deque

from aos_workflow.checkpoint.port import Store
from aos_workflow.checkpoint.records import Checkpoint, Commit, Committed, RunStatus, StepRecord
from aos_workflow.errors import AosError
from aos_workflow.metrics import NO_METER, Meter

__all__ = ["Committer"]

_MAX_STEPS = 500
"""Steps in one commit."""


class Committer:
    """Commits the steps of one run that this process has.

    Whoever comes while a commit is under way waits for the next one, which takes all that wait. A commit that was
    interrupted is sent again, unchanged, before anything else: the store counts it once.
    """

    def __init__(self, store: Store, head: Checkpoint, owner: str, meter: Meter = NO_METER) -> None:
        self._store = store
        self._meter = meter
        self._run_id = head.run_id
        self._owner = owner
        self._next_index = head.next_step_index
        self._waiting: deque[tuple[StepRecord, asyncio.Future[None] | None]] = deque()
        self._unsure: Commit | None = None
        self._busy = False
        self.version = head.version
        self.epoch = head.epoch
        self.cancel_requested = head.cancel_requested

    def next_index(self) -> int:
        """The ``step_index`` of the next record; records must be handed in in that order."""
        index = self._next_index
        self._next_index += 1
        return index

    async def commit(self, step: StepRecord) -> None:
        """Return when the step is durable.

        Raises:
            CheckpointVersionConflictError: the run is somebody else's by now; the step does not count.
            StoreUnavailableError, PayloadTooLargeError: as the store.
        """
        if self._busy:
            done = asyncio.get_running_loop().create_future()
            self._waiting.append((step, done))
            await done
            return
        self._waiting.append((step, None))
        await self._drain_once()

    def defer(self, step: StepRecord) -> None:
        """Let a step go with the next commit; nobody waits for it."""
        self._waiting.append((step, None))

    async def finish(self, end: Commit) -> None:
        """Commit what is left, and the state that ``end`` has, all in one; the run is given up. Raises as commit."""
        while self._busy or len(self._waiting) > _MAX_STEPS:
            if self._busy:
                await asyncio.sleep(0)
            else:
                await self._drain_once()
        self._busy = True
        try:
            await self._settle_unsure()
            steps = tuple(step for step, _ in self._waiting)
            waiters = [done for _, done in self._waiting]
            self._waiting.clear()
            await self._send(_with(end, self.version, steps))
        finally:
            self._busy = False
        _wake(waiters, None)

    async def _drain_once(self) -> None:
        """One commit of what waits now; if more came meanwhile, another task goes on with that."""
        self._busy = True
        batch: list[tuple[StepRecord, asyncio.Future[None] | None]] = []
        try:
            await self._settle_unsure()
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MAX_STEPS))]
            steps = tuple([step for step, _ in batch])
            await self._send(
                Commit(
                    self._run_id,
                    self._owner,
                    self.version,
                    steps,
                    RunStatus.RUNNING,
                    steps[-1].step_hash if steps else None,
                )
            )
        except BaseException as error:
            _wake([done for _, done in batch], error)
            raise
        finally:
            self._busy = False
            if any(done is not None for _, done in self._waiting):
                self._go_on()
        _wake([done for _, done in batch], None)

    def _go_on(self) -> None:
        self._busy = True
        task = asyncio.get_running_loop().create_task(self._drain_once())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _settle_unsure(self) -> None:
        if self._unsure is not None:
            await self._send(self._unsure)

    async def _send(self, commit: Commit) -> None:
        self._unsure = commit
        began_s = self._meter.now_s()
        try:
            done: Committed = await self._store.commit(commit)
        except AosError as error:
            self._meter.save_failed(error.code)
            if not error.retryable:
                self._unsure = None
            raise
        self._meter.saved(began_s)
        self._unsure = None
        self.version = done.version
        self.epoch = done.epoch
        self.cancel_requested = self.cancel_requested or done.cancel_requested


def _with(end: Commit, version: int, steps: tuple[StepRecord, ...]) -> Commit:
    return Commit(
        end.run_id,
        end.owner,
        version,
        steps,
        end.status,
        end.result_hash,
        end.output_json,
        end.draws_json,
        end.reason,
        end.error_code,
        end.error_message,
        end.delay_s,
    )


def _wake(waiters: list[asyncio.Future[None] | None], error: BaseException | None) -> None:
    """Tell those who wait; who left meanwhile is not told."""
    for done in waiters:
        if done is None or done.done():
            continue
        if error is None:
            done.set_result(None)
        elif isinstance(error, AosError):
            done.set_exception(error)
        else:
            done.cancel()

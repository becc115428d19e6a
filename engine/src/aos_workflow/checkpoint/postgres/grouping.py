"""Group commit: while statements are under way, the commits that come wait, and go out together as the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, TypeAlias

from aos_workflow.checkpoint.postgres.commit_rows import (
    alone_arguments,
    group_arguments,
    is_simple,
    is_step,
    step_arguments,
)
from aos_workflow.checkpoint.postgres.commit_statements import (
    COMMIT_ALONE,
    COMMIT_GROUP,
    COMMIT_PAID_STEP,
    COMMIT_STEP,
    COMMITTED,
)
from aos_workflow.checkpoint.postgres.connection import Database, Lane
from aos_workflow.checkpoint.records import Commit, Committed
from aos_workflow.checkpoint.refusals import moved_on
from aos_workflow.errors import AosError, StoreUnavailableError, UsageError

__all__ = ["GroupCommit"]

_MAX_BYTES = 8 * 1024 * 1024
"""Of outputs in one statement: a few big ones should not hold up many small ones."""

_Waiting: TypeAlias = tuple[Commit, "asyncio.Future[Committed]"]


class GroupCommit:
    """Sends commits over ``lanes`` connections, at most ``batch`` in a statement; each run's outcome is its own.

    Those that come within one turn of the loop go together. A statement leaves out runs whose rows somebody has locked,
    and one that is refused counts for none: what it left out goes out alone, and waits alone, on the pool. So do
    commits of several steps, and of outputs that are kept by digest.
    """

    def __init__(
        self, database: Database, *, lanes: int = 2, batch: int, out_of_row_bytes: int
    ) -> None:
        self._database = database
        self._batch = batch
        self._out_of_row_bytes = out_of_row_bytes
        self._idle = [Lane(database) for _ in range(lanes)]
        self._all = tuple(self._idle)
        self._waiting: deque[_Waiting] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flushing = False

    def commit(self, commit: Commit) -> asyncio.Future[Committed]:
        """Raises CheckpointVersionConflictError, StoreUnavailableError, UsageError when awaited."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Committed] = loop.create_future()
        if not is_simple(commit, self._out_of_row_bytes):
            self._start(self._settle(commit, done))
            return done
        self._waiting.append((commit, done))
        if self._idle and not self._flushing:
            self._flushing = True
            loop.call_soon(self._flush)
        return done

    async def close(self) -> None:
        """Finish what is under way."""
        while self._tasks or self._waiting:
            if self._tasks:
                await asyncio.wait(list(self._tasks))
            else:
                await asyncio.sleep(0)
        for lane in self._all:
            await lane.close()

    def _flush(self) -> None:
        self._flushing = False
        if self._idle and self._waiting:
            self._start(self._drain(self._idle.pop()))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, lane: Lane) -> None:
        try:
            while batch := self._next_batch():
                await self._send(lane, batch)
                await asyncio.sleep(
                    0
                )  # those who were waiting go on first, and perhaps come with their next commit
        finally:
            self._idle.append(lane)

    def _next_batch(self) -> list[_Waiting]:
        """What waits, up to the limits; of each run one commit at most."""
        batch: list[_Waiting] = []
        runs: set[str] = set()
        size = 0
        while self._waiting and len(batch) < self._batch and size < _MAX_BYTES:
            commit, done = self._waiting[0]
            if commit.run_id in runs:
                break
            self._waiting.popleft()
            if done.done():  # its caller has left
                continue
            runs.add(commit.run_id)
            if commit.steps and commit.steps[0].output_json is not None:
                size += len(commit.steps[0].output_json)
            batch.append((commit, done))
        return batch

    async def _send(self, lane: Lane, batch: list[_Waiting]) -> None:
        """One statement for all. What it left out goes on alone, and holds up nobody."""
        commits = [commit for commit, _ in batch]
        try:
            statement, arguments = _statement(commits)
            rows = await self._database.patiently(lambda: lane.fetch(statement, *arguments))
        except StoreUnavailableError as error:
            _fail(batch, error)
            return
        except AosError:
            rows = []
        except BaseException as error:
            _fail(batch, error)
            raise
        counted = {row["run_id"]: row for row in rows} if rows else {}
        for commit, done in batch:
            row = counted.get(commit.run_id)
            if row is None:
                self._start(self._settle(commit, done))
            elif not done.done():
                done.set_result(Committed(row["version"], row["cancel_requested"], row["epoch"]))

    async def _settle(self, commit: Commit, done: asyncio.Future[Committed]) -> None:
        """A commit by itself, for a definite answer."""
        try:
            found = await self._alone(commit)
        except UsageError as error:
            known = (
                "NotNullViolation" in error.message
            )  # see commit_statements: a step that is done is not replaced
            _fail([(commit, done)], moved_on(commit) if known else error)
        except BaseException as error:
            _fail([(commit, done)], error)
            if not isinstance(error, Exception):
                raise
        else:
            if not done.done():
                done.set_result(found)

    async def _alone(self, commit: Commit) -> Committed:
        arguments = alone_arguments(commit, self._out_of_row_bytes)
        rows = await self._database.fetch(COMMIT_ALONE, *arguments)
        if not rows:
            version = commit.expected_version + 1
            rows = await self._database.fetch(COMMITTED, commit.run_id, version, len(commit.steps))
            if not rows or not _is_same(rows[0], commit):
                raise moved_on(commit)
        row = rows[0]
        return Committed(row["version"], row["cancel_requested"], row["epoch"])


def _statement(commits: Sequence[Commit]) -> tuple[str, Sequence[Any]]:
    if len(commits) == 1 and is_step(commits[0]):
        is_free = not commits[0].steps[0].cost_cents
        return COMMIT_STEP if is_free else COMMIT_PAID_STEP, step_arguments(commits[0])
    return COMMIT_GROUP, group_arguments(commits)


def _is_same(row: Any, commit: Commit) -> bool:
    """Whether the history's row is of this very commit, its answer lost; and nothing came after it."""
    return bool(
        row["head_version"] == row["version"]
        and row["worker_id"] == commit.owner
        and row["status"] == commit.status
        and (commit.result_hash is None or row["result_hash"] == commit.result_hash)
        and (row["step_hashes"] or []) == [step.step_hash for step in commit.steps]
    )


def _fail(batch: list[_Waiting], error: BaseException) -> None:
    for _, done in batch:
        if done.done():
            continue
        if isinstance(error, Exception):
            done.set_exception(error)
        else:
            done.cancel()

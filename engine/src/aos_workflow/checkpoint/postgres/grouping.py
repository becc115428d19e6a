"""Group commit: while one statement is under way, the commits that come wait, and go out together as the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from aos_workflow.checkpoint.postgres.connection import Database, Lane
from aos_workflow.checkpoint.postgres.rows import commits_json
from aos_workflow.checkpoint.postgres.statements import COMMIT, COMMITTED
from aos_workflow.checkpoint.records import Commit, Committed
from aos_workflow.checkpoint.refusals import moved_on

__all__ = ["GroupCommit"]

_MAX_COMMITS = 200
_MAX_BYTES = 8 * 1024 * 1024
"""Of outputs in one statement: a few big ones should not hold up many small ones."""


class GroupCommit:
    """Sends commits over at most ``lanes`` connections; each run's outcome is its own."""

    def __init__(self, database: Database, *, lanes: int = 2) -> None:
        self._database = database
        self._idle = [Lane(database, COMMIT) for _ in range(lanes)]
        self._all = tuple(self._idle)
        self._waiting: deque[tuple[Commit, asyncio.Future[Committed]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def commit(self, commit: Commit) -> Committed:
        """Raises CheckpointVersionConflictError, StoreUnavailableError."""
        if self._idle:
            lane = self._idle.pop()
            try:
                (found,) = await self._send(lane, [commit])
            finally:
                self._release(lane)
            if isinstance(found, Committed):
                return found
            raise found
        done: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._waiting.append((commit, done))
        return await done

    async def close(self) -> None:
        """Finish what is under way."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))
        for lane in self._all:
            await lane.close()

    def _release(self, lane: Lane) -> None:
        """A lane is free; if commits wait, it goes on with them."""
        if not self._waiting:
            self._idle.append(lane)
            return
        task = asyncio.get_running_loop().create_task(self._drain(lane))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, lane: Lane) -> None:
        try:
            while batch := self._next_batch():
                try:
                    found = await self._send(lane, [commit for commit, _ in batch])
                except BaseException as error:
                    _tell(batch, [error] * len(batch))
                    if not isinstance(error, Exception):
                        raise
                else:
                    _tell(batch, found)
        finally:
            self._idle.append(lane)

    def _next_batch(self) -> list[tuple[Commit, asyncio.Future[Committed]]]:
        """What waits, up to the limits; of each run one commit at most."""
        batch: list[tuple[Commit, asyncio.Future[Committed]]] = []
        size = 0
        while self._waiting and len(batch) < _MAX_COMMITS and size < _MAX_BYTES:
            commit, done = self._waiting.popleft()
            if done.done():  # its caller has left
                continue
            size += sum(len(step.output_json or b"") for step in commit.steps)
            batch.append((commit, done))
        return batch

    async def _send(self, lane: Lane, commits: list[Commit]) -> list[Committed | Exception]:
        """One statement for all, and what came of each; a second one only for those that did not count."""
        payload = commits_json(sorted(commits, key=lambda commit: commit.run_id))
        rows = await self._database.patiently(lambda: lane.fetch(payload))
        counted = {row["run_id"]: row for row in rows}
        return [
            _committed(counted[commit.run_id])
            if commit.run_id in counted
            else await self._outcome(commit)
            for commit in commits
        ]

    async def _outcome(self, commit: Commit) -> Committed | Exception:
        """Of a commit that did not count: whether it had counted before, its acknowledgement lost."""
        row = await self._database.fetchrow(COMMITTED, commit.run_id, commit.expected_version + 1)
        if row is not None and _is_same(row, commit):
            return Committed(row["version"], row["cancel_requested"], row["epoch"])
        return moved_on(commit)


def _committed(row: Any) -> Committed:
    return Committed(row["version"], row["cancel_requested"], row["epoch"])


def _is_same(row: Any, commit: Commit) -> bool:
    """Whether the history's row is of this very commit, and nothing came after it."""
    return bool(
        row["head_version"] == row["version"]
        and row["worker_id"] == commit.owner
        and row["status"] == commit.status
        and (commit.result_hash is None or row["result_hash"] == commit.result_hash)
        and (not commit.steps or row["next_step_index"] == commit.steps[-1].step_index + 1)
    )


def _tell(batch: list[tuple[Commit, asyncio.Future[Committed]]], found: list[Any]) -> None:
    for (_, done), outcome in zip(batch, found, strict=True):
        if done.done():
            continue
        if isinstance(outcome, Committed):
            done.set_result(outcome)
        elif isinstance(outcome, Exception):
            done.set_exception(outcome)
        else:
            done.cancel()

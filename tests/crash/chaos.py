"""Workers killed at random, the database killed under load, connections cut; all at once, from one seed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from dataclasses import dataclass

import asyncpg
from tests.crash import scenario
from tests.crash.processes import Child, fork
from tests.crash.scenario import engine_of, order

from aos_workflow.engine import Worker
from aos_workflow.engine.worker import WorkerSettings
from aos_workflow.stack import PostgresServer, Stack

__all__ = ["Chaos", "Damage"]

_WORKERS = 2
_LOST = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    TimeoutError,
)
_SETTINGS = WorkerSettings(
    concurrency=5, poll_s=0.05, reap_every_s=0.3, dead_after_s=1.5, drain_s=5.0
)


@dataclass
class Damage:
    """What was done."""

    worker_kills: int = 0
    database_kills: int = 0
    connections_cut: int = 0


class Chaos:
    """``runs`` runs are queued and brought to their end, whatever happens meanwhile."""

    def __init__(self, stack: Stack, server: PostgresServer, url: str, seed: int) -> None:
        self._stack = stack
        self._server = server
        self._url = url
        self._random = random.Random(seed)
        self.damage = Damage()

    def run(self, numbers: dict[str, int], *, seed: int, for_s: float, limit_s: float) -> None:
        """Queue, disturb for a while, and wait until every run has ended. Raises TimeoutError."""
        asyncio.run(self._queue(numbers, seed))
        workers = [self._worker() for _ in range(_WORKERS)]
        began = time.monotonic()
        try:
            while time.monotonic() - began < for_s:
                time.sleep(self._random.uniform(0.05, 0.3))
                self._disturb(workers)
                if self._open_runs() == 0:
                    break
            while self._open_runs() != 0:
                if time.monotonic() - began > limit_s:
                    raise TimeoutError(f"{self._open_runs()} runs have not ended")
                self._revive(workers)
                time.sleep(0.2)
        finally:
            for worker in workers:
                worker.kill()

    def _disturb(self, workers: list[Child]) -> None:
        kind = self._random.choices(("worker", "connections", "database"), (12, 5, 1))[0]
        if kind == "worker":
            self._random.choice(workers).kill()
            self.damage.worker_kills += 1
        elif kind == "connections":
            self.damage.connections_cut += self._cut()
        else:
            self._kill_database()
        self._revive(workers)

    def _revive(self, workers: list[Child]) -> None:
        for index, worker in enumerate(workers):
            if not worker.is_running():
                workers[index] = self._worker()

    def _worker(self) -> Child:
        url = self._url

        def work() -> None:
            scenario.Outside.url = url

            async def until_stopped() -> None:
                engine = engine_of(url, beat_every_s=0.3)
                await Worker(engine, settings=_SETTINGS).run()

            asyncio.run(until_stopped())

        return fork(work)

    def _kill_database(self) -> None:
        server = self._stack.server("db")
        os.kill(server.pid, signal.SIGKILL)
        self.damage.database_kills += 1

    def _cut(self) -> int:
        async def cut() -> int:
            connection = await asyncpg.connect(
                self._url, timeout=2, server_settings={"search_path": "aos"}
            )
            try:
                return await connection.fetchval(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            finally:
                await connection.close()

        try:
            return int(asyncio.run(cut()))
        except _LOST:
            return 0

    def _open_runs(self) -> int:
        """How many have not ended; -1 while the database is down."""

        async def count() -> int:
            connection = await asyncpg.connect(
                self._url, timeout=2, server_settings={"search_path": "aos"}
            )
            try:
                return await connection.fetchval(
                    "SELECT count(*) FROM workflow_checkpoints WHERE status IN ('queued', 'running', 'suspended')"
                )
            finally:
                await connection.close()

        try:
            return int(asyncio.run(count()))
        except _LOST:
            return -1

    async def _queue(self, numbers: dict[str, int], seed: int) -> None:
        engine = engine_of(self._url)
        for run_id, number in numbers.items():
            await engine.start(order, inputs={"number": number}, run_id=run_id, seed=seed)
        await engine.store.close()

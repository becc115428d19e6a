"""Dispatch through pgqueuer (extra ``pgqueuer``): a queued run wakes one worker of the fleet, instead of all asking.

A trigger writes one job into pgqueuer's table in the transaction that queues a run, whoever queues it. A job is a
knock at the door and never the run: it says when to look and to how many workers, and which run is taken the two
statements of the store decide as ever. So a job that is lost costs a wait until the next sweep, and one that is
delivered twice costs a look. https://pgqueuer.readthedocs.io
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import Channel, QueueEntrypoint, QueueManagerId
from pgqueuer.ports.repository import EntrypointExecutionParameter
from pgqueuer.queries import Queries

from aos_workflow.checkpoint.port import Store
from aos_workflow.checkpoint.postgres.connection import Connection, Database
from aos_workflow.checkpoint.records import Checkpoint
from aos_workflow.determinism import Entropy, SystemEntropy
from aos_workflow.errors import StoreError, UsageError

__all__ = ["PgqueuerDispatcher", "install", "uninstall"]

T = TypeVar("T")

_SETTINGS = DBSettings(db_schema="aos", prefix="", channel=Channel("aos_dispatch"))
_PREFIX = "aos:"
_PICKED_AGAIN_AFTER = timedelta(seconds=30)
"""Jobs of a worker that died between taking one and looking."""
_TRIGGER = f"""
CREATE OR REPLACE FUNCTION aos.knock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = aos AS $$
BEGIN
    INSERT INTO aos.pgqueuer (priority, entrypoint, status, execute_after)
    VALUES (-NEW.priority, '{_PREFIX}' || NEW.queue, 'queued', greatest(NEW.available_at, now()));
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS workflow_checkpoints_knock_new ON aos.workflow_checkpoints;
DROP TRIGGER IF EXISTS workflow_checkpoints_knock ON aos.workflow_checkpoints;
CREATE TRIGGER workflow_checkpoints_knock_new AFTER INSERT ON aos.workflow_checkpoints
    FOR EACH ROW WHEN (NEW.status = 'queued') EXECUTE FUNCTION aos.knock();
CREATE TRIGGER workflow_checkpoints_knock AFTER UPDATE ON aos.workflow_checkpoints
    FOR EACH ROW WHEN (NEW.status = 'queued' AND OLD.status <> 'queued') EXECUTE FUNCTION aos.knock();
INSERT INTO aos.pgqueuer (priority, entrypoint, status, execute_after)
SELECT -priority, '{_PREFIX}' || queue, 'queued', greatest(available_at, now())
FROM aos.workflow_checkpoints WHERE status = 'queued';
"""
_DELETE = "DELETE FROM aos.pgqueuer WHERE id = ANY($1)"
_REMOVE_TRIGGER = """
DROP TRIGGER IF EXISTS workflow_checkpoints_knock_new ON aos.workflow_checkpoints;
DROP TRIGGER IF EXISTS workflow_checkpoints_knock ON aos.workflow_checkpoints;
DROP FUNCTION IF EXISTS aos.knock();
"""


def _queries(connection: Connection) -> Queries:
    return Queries(
        AsyncpgDriver(connection), QueryBuilderEnvironment(_SETTINGS), QueryQueueBuilder(_SETTINGS)
    )


async def install(connection: Connection) -> None:
    """Put pgqueuer's tables and our trigger into schema ``aos``, or bring them up to date. Runs that wait knock too."""
    queries = _queries(connection)
    if await queries.schema_is_installed():
        await queries.upgrade()
    else:
        await queries.install()
    await connection.execute(_TRIGGER)


async def uninstall(connection: Connection) -> None:
    """Take out trigger and tables. No run is touched; workers poll again."""
    await connection.execute(_REMOVE_TRIGGER)
    queries = _queries(connection)
    if await queries.schema_is_installed():
        await queries.uninstall()


class PgqueuerDispatcher:
    """A :class:`~aos_workflow.engine.worker.Dispatcher` that waits for NOTIFY and looks when there is a job.

    ``sweep_s``: after this many seconds without a job it looks all the same. ``wait_s``: the longest that one call of
    :meth:`claim` waits. One dispatcher belongs to one worker.
    """

    def __init__(
        self,
        store: Store,
        database: Database,
        queues: Sequence[str] = ("default",),
        *,
        sweep_s: float = 30.0,
        wait_s: float = 1.0,
        entropy: Entropy | None = None,
    ) -> None:
        self._store = store
        self._database = database
        self._queues = tuple(queues)
        self._entrypoints = {
            QueueEntrypoint(f"{_PREFIX}{queue}"): EntrypointExecutionParameter(0)
            for queue in queues
        }
        self._sweep_s = sweep_s
        self._wait_s = wait_s
        self._id = QueueManagerId(uuid.UUID((entropy or SystemEntropy()).token_hex(16)))
        self._connection: Connection | None = None
        self._knocked = asyncio.Event()
        self._next_sweep_s = 0.0

    async def start(self) -> None:
        """Connect, and see that pgqueuer's tables are there.

        Raises:
            UsageError: they are not.
            StoreUnavailableError, StoreError: the database.
        """
        if not await self._ask(lambda queries: queries.schema_is_installed()):
            raise UsageError(
                "this database does not dispatch through pgqueuer",
                hint="aos-workflow db dispatch pgqueuer",
            )

    async def claim(self, owner: str, limit: int) -> Sequence[Checkpoint]:
        """Up to ``limit`` runs; waits up to ``wait_s`` for the first.

        Raises:
            StoreUnavailableError, StoreError: the database; the next call connects anew.
        """
        is_deaf = self._connection is None or self._connection.is_closed()
        is_sweep = is_deaf or asyncio.get_running_loop().time() >= self._next_sweep_s
        if not is_sweep:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s):
                    await self._knocked.wait()
        if not is_sweep and not self._knocked.is_set():
            return ()
        found = await self._answer(owner, limit)
        return found or (await self._sweep(owner, limit) if is_sweep else ())

    async def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    # inside

    async def _sweep(self, owner: str, limit: int) -> Sequence[Checkpoint]:
        """Look without a job, until nothing is found."""
        found = await self._store.claim(owner, queues=self._queues, limit=limit)
        if not found:
            self._next_sweep_s = asyncio.get_running_loop().time() + self._sweep_s
        return found

    async def _answer(self, owner: str, limit: int) -> Sequence[Checkpoint]:
        """Take jobs, look for as many runs, and let the jobs go."""
        self._knocked.clear()
        jobs = await self._ask(
            lambda queries: queries.dequeue(
                limit, self._entrypoints, self._id, None, _PICKED_AGAIN_AFTER
            )
        )
        if not jobs:
            return ()
        self._knocked.set()  # there may be more
        found = await self._store.claim(owner, queues=self._queues, limit=len(jobs))
        ids = [job.id for job in jobs]
        await self._ask(lambda queries: queries.driver.execute(_DELETE, ids))
        return found

    async def _ask(self, question: Callable[[Queries], Awaitable[T]]) -> T:
        """The answer, on a connection that listens; on a new one, if it broke."""

        async def once() -> T:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._database.connect()
                await self._connection.add_listener(_SETTINGS.channel, self._hear)
                self._next_sweep_s = 0.0  # what knocked meanwhile was not heard
            return await question(_queries(self._connection))

        try:
            return await self._database.patiently(once)
        except StoreError:
            await self.close()
            raise

    def _hear(self, *_: Any) -> None:
        self._knocked.set()

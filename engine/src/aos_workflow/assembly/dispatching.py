"""Where a worker's runs come from, when it is not the store alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aos_workflow.assembly.database import default_database
from aos_workflow.checkpoint.port import Store
from aos_workflow.engine.worker import Dispatcher
from aos_workflow.errors import UsageError

__all__ = ["pgqueuer_dispatch"]


@asynccontextmanager
async def pgqueuer_dispatch(store: Store, queues: Sequence[str]) -> AsyncIterator[Dispatcher]:
    """Runs by way of pgqueuer, on the database that the environment names.

    Raises:
        UsageError: pgqueuer is not installed, or not set up in this database.
        StoreError, StackError: the database.
    """
    try:
        from aos_workflow.checkpoint.postgres.pgqueuer_dispatch import PgqueuerDispatcher
    except ModuleNotFoundError as error:
        if error.name != "pgqueuer":
            raise
        raise UsageError(
            "pgqueuer is not installed", hint="pip install 'aos-workflow[pgqueuer]'"
        ) from None
    from aos_workflow.checkpoint.postgres.connection import Database

    lease = await asyncio.to_thread(default_database)
    try:
        database = Database(
            lease.dsn,
            pool_size=1,
            statement_timeout_s=30.0,
            application_name="aos-workflow dispatch",
        )
        dispatcher = PgqueuerDispatcher(store, database, queues)
        try:
            await dispatcher.start()
            yield dispatcher
        finally:
            await dispatcher.close()
    finally:
        await asyncio.to_thread(lease.release)

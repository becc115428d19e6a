"""How a database of runs is: what an operator looks at when commits become slow or fail."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aos_workflow.checkpoint.postgres.connection import Connection

__all__ = ["Activity", "DatabaseHealth", "IndexHealth", "TableHealth", "look"]

STALE_AFTER_S = 3600
_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class TableHealth:
    """One of our tables; ``dead_rows`` is what vacuum has not come round to yet."""

    name: str
    rows: int
    dead_rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class IndexHealth:
    """One of our indexes, and how often it was used since the statistics were reset."""

    name: str
    table: str
    scans: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Activity:
    """A session that does something. ``blocked_by`` are the processes that it waits for."""

    pid: int
    application: str
    state: str
    wait: str
    running_s: float
    blocked_by: tuple[int, ...]
    query: str


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """One look at a database.

    ``data_folder`` is ``None`` if we may not know it, ``free_bytes`` if it is not on this machine. ``runs`` counts by
    state, ``stale_runs`` those that are running and had no change for an hour.
    """

    server_version: str
    database: str
    size_bytes: int
    connections: int
    max_connections: int
    oldest_transaction_s: float
    waiting_locks: int
    runs: dict[str, int]
    stale_runs: int
    data_folder: str | None = None
    free_bytes: int | None = None
    activity: tuple[Activity, ...] = ()
    tables: tuple[TableHealth, ...] = ()
    indexes: tuple[IndexHealth, ...] = field(default=())


_OVERVIEW = """
SELECT current_setting('server_version') AS server_version, current_database() AS database,
       pg_database_size(current_database()) AS size_bytes,
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
       current_setting('max_connections')::integer AS max_connections,
       coalesce((SELECT max(extract(epoch FROM now() - xact_start)) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()), 0)::float8 AS oldest_transaction_s,
       (SELECT count(*) FROM pg_locks WHERE NOT granted) AS waiting_locks,
       (SELECT count(*) FROM aos.workflow_checkpoints
        WHERE status = 'running' AND updated_at < now() - make_interval(secs => $1)) AS stale_runs
"""
_RUNS = (
    "SELECT status, count(*) AS runs FROM aos.workflow_checkpoints GROUP BY status ORDER BY status"
)
_ACTIVITY = """
SELECT pid, application_name, state, concat_ws(' ', wait_event_type, wait_event) AS wait, left(query, 200) AS query,
       extract(epoch FROM now() - query_start)::float8 AS running_s, pg_blocking_pids(pid) AS blocked_by
FROM pg_stat_activity
WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()
ORDER BY query_start LIMIT $1
"""
_TABLES = """
SELECT relname, n_live_tup, n_dead_tup, pg_total_relation_size(relid) AS size_bytes
FROM pg_stat_user_tables WHERE schemaname = 'aos' ORDER BY size_bytes DESC, relname LIMIT $1
"""
_INDEXES = """
SELECT indexrelname, relname, idx_scan, pg_relation_size(indexrelid) AS size_bytes
FROM pg_catalog.pg_stat_user_indexes WHERE schemaname = 'aos' ORDER BY size_bytes DESC, indexrelname LIMIT $1
"""
_FOLDER = """
SELECT CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') THEN current_setting('data_directory') END
"""


async def look(connection: Connection) -> DatabaseHealth:
    """Look at the database of a connection. Changes nothing. Raises what the driver raises."""
    overview = await connection.fetchrow(_OVERVIEW, STALE_AFTER_S)
    folder = await connection.fetchval(_FOLDER)
    return DatabaseHealth(
        **dict(overview),
        runs={row["status"]: row["runs"] for row in await connection.fetch(_RUNS)},
        data_folder=folder,
        free_bytes=_free_bytes(folder),
        activity=tuple(_activity(row) for row in await connection.fetch(_ACTIVITY, _MOST_SHOWN)),
        tables=tuple(TableHealth(*row) for row in await connection.fetch(_TABLES, _MOST_SHOWN)),
        indexes=tuple(IndexHealth(*row) for row in await connection.fetch(_INDEXES, _MOST_SHOWN)),
    )


def _free_bytes(folder: str | None) -> int | None:
    """Of the disk that the data is on, if that is one of this machine."""
    try:
        return None if folder is None else shutil.disk_usage(Path(folder)).free
    except OSError:
        return None


def _activity(row: Any) -> Activity:
    return Activity(
        pid=row["pid"],
        application=row["application_name"],
        state=row["state"],
        wait=row["wait"],
        running_s=row["running_s"] or 0.0,
        blocked_by=tuple(row["blocked_by"]),
        query=row["query"],
    )

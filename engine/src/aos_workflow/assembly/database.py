"""Which database is used when none is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aos_workflow import config

__all__ = ["DatabaseLease", "default_database"]


@dataclass(frozen=True, slots=True)
class DatabaseLease:
    """A database's address, for as long as it is not released. An embedded one is ours alone."""

    dsn: str
    is_embedded: bool
    release: Callable[[], None]


def default_database() -> DatabaseLease:
    """That of ``DATABASE_URL``; else the embedded PostgreSQL in ``AOS_HOME``, started if it does not run. Blocks.

    Raises:
        StackError: the embedded one cannot be started.
    """
    dsn = config.database_url()
    if dsn is not None:
        return DatabaseLease(dsn, False, _nothing)
    from aos_workflow.stack import PostgresSettings, Stack

    lease = Stack(
        config.stack_home(), postgres=PostgresSettings(password=config.stack_password())
    ).postgres()
    return DatabaseLease(lease.server.url, True, lease.release)


def _nothing() -> None:
    return None

"""The schema, brought up to date by numbered SQL files. Each is applied once, whole, by one process."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources

from aos_workflow.checkpoint.postgres.connection import Connection
from aos_workflow.errors import MigrationError

__all__ = [
    "BUSY_TABLES",
    "Migration",
    "MigrationState",
    "migrate",
    "migrations",
    "set_operator",
    "status",
]

_LOCK = 0x616F735F6D6967
"""``aos_mig`` in hexadecimal."""
_LOCK_TRIES = 600
_LOCK_PAUSE_S = 0.1
_OUTSIDE = "-- outside of a transaction"
"""First line of a file of one statement such as CREATE INDEX CONCURRENTLY."""
_OPERATOR_PATH = "aos, aos_compat, pg_catalog, public"
BUSY_TABLES = tuple(
    f"aos.{name}"
    for name in ("workflow_checkpoints", "workflow_steps", "checkpoints", "cost_ledger")
)
"""What every commit writes to."""

_LEDGER = """
CREATE SCHEMA IF NOT EXISTS aos;
CREATE TABLE IF NOT EXISTS aos.migrations (
    name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. ``sha256`` is over its text with LF line ends."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MigrationState:
    """How a file stands: ``applied``, ``pending``, ``edited``; ``unknown`` is one that only the database has."""

    name: str
    state: str


def migrations() -> tuple[Migration, ...]:
    """The files of this version, in order."""
    folder = resources.files(__package__) / "migrations"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    return tuple(Migration(name, (folder / name).read_text(encoding="utf-8")) for name in names)


async def status(connection: Connection) -> tuple[MigrationState, ...]:
    """How each migration stands, without changing anything."""
    known = await connection.fetchval("SELECT to_regclass('aos.migrations')")
    rows = await connection.fetch("SELECT name, sha256 FROM aos.migrations") if known else []
    applied = {row["name"]: row["sha256"] for row in rows}
    states = [
        MigrationState(item.name, _state(applied.pop(item.name, None), item))
        for item in migrations()
    ]
    return (*states, *(MigrationState(name, "unknown") for name in sorted(applied)))


async def migrate(connection: Connection, *, whole_database: bool = False) -> tuple[str, ...]:
    """Apply what is pending; the names of what was. Others who migrate at the same time wait, and find nothing to do.

    ``whole_database`` is for a database that is ours alone: whoever works in it is an operator, see
    :func:`set_operator`.

    Raises:
        MigrationError: a file was edited after it had been applied, the database is of a newer version, or a statement
            failed; what was applied before stays.
    """
    if not await _pending(
        connection
    ):  # the usual case needs no lock, and no right to change anything
        return ()
    async with _locked(connection):
        await connection.execute(_LEDGER)
        pending = await _pending(connection)
        for item in pending:
            await _apply(connection, item)
        if pending and whole_database:
            await _set_path(connection, "DATABASE %I", "current_database()")
        return tuple(item.name for item in pending)


async def set_operator(connection: Connection, role: str) -> None:
    """Let a role work in this database as the runbooks do: tables without their schema, and no more rights than needed.

    Raises:
        MigrationError: there is no such role, or we may not.
    """
    try:
        async with connection.transaction():
            quoted = await connection.fetchval("SELECT quote_ident($1)", role)
            await _set_path(
                connection, "ROLE %I IN DATABASE %I", "$1::text, current_database()", role
            )
            for grant in (
                "USAGE ON SCHEMA aos, aos_compat",
                "SELECT ON ALL TABLES IN SCHEMA aos, aos_compat",
                "UPDATE, DELETE ON aos.workflow_checkpoints",
                "UPDATE ON aos.skill_registry, aos.controls",
                "DELETE ON aos.workers",
            ):
                await connection.execute(f"GRANT {grant} TO {quoted}")
    except Exception as error:
        raise MigrationError(
            f"role {role!r} cannot be made an operator: {error}",
            hint="connect as the owner of the database, and create the role first: CREATE ROLE ... LOGIN",
        ) from error


@asynccontextmanager
async def _locked(connection: Connection) -> AsyncIterator[None]:
    """Alone among those who migrate.

    Asked for again and again, not waited for: a session that waits within a statement has a snapshot, for which CREATE
    INDEX CONCURRENTLY of the one that has the lock would wait in turn.
    """
    for _ in range(_LOCK_TRIES):
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            break
        await asyncio.sleep(_LOCK_PAUSE_S)
    else:
        raise MigrationError(
            f"another process has been migrating the database for {_LOCK_TRIES * _LOCK_PAUSE_S:.0f} s",
            hint="SELECT * FROM pg_locks WHERE locktype = 'advisory'; then aos-workflow db status",
        )
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _pending(connection: Connection) -> tuple[Migration, ...]:
    states = await status(connection)
    _refuse(states)
    names = {state.name for state in states if state.state == "pending"}
    return tuple(item for item in migrations() if item.name in names)


async def _apply(connection: Connection, item: Migration) -> None:
    record = "INSERT INTO aos.migrations (name, sha256) VALUES ($1, $2)"
    try:
        if item.text.startswith(_OUTSIDE):
            await connection.execute(item.text)
            await connection.execute(record, item.name, item.sha256)
        else:
            async with connection.transaction():
                await connection.execute("SET LOCAL search_path = aos, pg_catalog")
                await connection.execute(item.text)
                await connection.execute(record, item.name, item.sha256)
    except Exception as error:
        raise MigrationError(
            f"migration {item.name} failed, and nothing of it was kept: {error}",
            hint="aos-workflow db status",
        ) from error


async def _set_path(connection: Connection, what: str, names: str, *arguments: str) -> None:
    statement = f"SELECT format('ALTER {what} SET search_path = {_OPERATOR_PATH}', {names})"
    await connection.execute(await connection.fetchval(statement, *arguments))


def _state(applied: str | None, item: Migration) -> str:
    if applied is None:
        return "pending"
    return "applied" if applied == item.sha256 else "edited"


def _refuse(states: tuple[MigrationState, ...]) -> None:
    for state in states:
        if state.state == "edited":
            raise MigrationError(
                f"migration {state.name} is another one than was applied to this database",
                hint="restore the file, and put the change into a new migration",
            )
        if state.state == "unknown":
            raise MigrationError(
                f"the database has migration {state.name}, which this version does not know: it is of a newer one",
                hint="upgrade aos-workflow, or use another database",
            )

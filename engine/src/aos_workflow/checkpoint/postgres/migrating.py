"""The schema, brought up to date by numbered SQL files. Each is applied once, whole, by one process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

from aos_workflow.checkpoint.postgres.connection import Connection
from aos_workflow.errors import MigrationError

__all__ = ["Migration", "MigrationState", "migrate", "migrations", "status"]

_LOCK = 0x616F735F6D6967  # "aos_mig"
_OUTSIDE = "-- outside of a transaction"
"""First line of a file with statements such as CREATE INDEX CONCURRENTLY."""

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


async def migrate(connection: Connection) -> tuple[str, ...]:
    """Apply what is pending; the names of what was. Others who migrate at the same time wait, and find nothing to do.

    Raises:
        MigrationError: a file was edited after it had been applied, the database is of a newer version, or a statement
            failed; what was applied before stays.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        await connection.execute(_LEDGER)
        states = await status(connection)
        _refuse(states)
        pending = {state.name for state in states if state.state == "pending"}
        for item in migrations():
            if item.name in pending:
                await _apply(connection, item)
        if pending:
            await _set_search_path(connection)
        return tuple(sorted(pending))
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


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


async def _set_search_path(connection: Connection) -> None:
    """So that the runbooks' statements find our tables. Only the database's owner may; others name the schema."""
    await connection.execute(
        """
        DO $$ BEGIN
            EXECUTE format('ALTER DATABASE %I SET search_path = aos, pg_catalog, public', current_database());
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'search_path of the database left as it is';
        END $$
        """
    )


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

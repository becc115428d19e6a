"""``aos-workflow db``: the schema of the database that runs are kept in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer

from aos_workflow.cli.options import AsJson
from aos_workflow.cli.output import Output
from aos_workflow.cli.storing import TRIES

__all__ = ["app", "connected"]

T = TypeVar("T")

app = typer.Typer(
    help="The database of runs: its schema and indexes.",
    epilog="\b\nExample:\n  aos-workflow db status\n  aos-workflow db migrate",
    no_args_is_help=True,
    rich_markup_mode=None,
)
PENDING = 1


@app.command(epilog="\b\nExample:\n  aos-workflow db status --json")
def status(as_json: AsJson = False) -> None:
    """Show which migrations are applied. Exit code 1 if one is pending, was edited, or is not known here."""
    from aos_workflow.checkpoint.postgres.migrating import status as look

    async def work(connection: Any, is_embedded: bool) -> Any:
        return await look(connection)

    output = Output(as_json=as_json)
    states = connected(work)
    output.table(("migration", "state"), [(each.name, _word(each.state)) for each in states])
    is_current = all(each.state == "applied" for each in states)
    output.line("" if is_current else "next: aos-workflow db migrate")
    output.document(
        {"ok": is_current, "migrations": [{"name": e.name, "state": e.state} for e in states]}
    )
    raise typer.Exit(0 if is_current else PENDING)


@app.command(
    epilog="\b\nExample:\n  aos-workflow db migrate\n  aos-workflow db migrate --operator nova"
)
def migrate(
    operator: Annotated[
        str | None,
        typer.Option(
            "--operator",
            metavar="ROLE",
            help="Let this role work as the runbooks do: find the tables, and change what they change.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the schema up to date. Several may do so at once: one does, the others wait."""
    from aos_workflow.checkpoint.postgres.migrating import migrate as apply
    from aos_workflow.checkpoint.postgres.migrating import set_operator

    async def work(connection: Any, is_embedded: bool) -> tuple[str, ...]:
        applied = await apply(connection, whole_database=is_embedded)
        if operator is not None:
            await set_operator(connection, operator)
        return applied

    output = Output(as_json=as_json)
    applied = connected(work)
    output.lines([f"applied {name}" for name in applied] or ["nothing to do"])
    if operator is not None:
        output.line(f"role {operator} is an operator")
    output.document({"ok": True, "applied": list(applied)})


@app.command(epilog="\b\nExample:\n  aos-workflow db reindex")
def reindex(as_json: AsJson = False) -> None:
    """Build the indexes that every commit writes to anew, while runs go on (REINDEX TABLE CONCURRENTLY)."""
    from aos_workflow.checkpoint.postgres.migrating import BUSY_TABLES

    async def work(connection: Any, is_embedded: bool) -> None:
        for table in BUSY_TABLES:
            await connection.execute(f"REINDEX TABLE CONCURRENTLY {table}")

    output = Output(as_json=as_json)
    connected(work)
    output.lines([f"reindexed {table}" for table in BUSY_TABLES])
    output.document({"ok": True, "tables": list(BUSY_TABLES)})


@app.command(
    epilog="\b\nExample:\n  aos-workflow db dispatch pgqueuer\n  aos-workflow worker --dispatch pgqueuer ..."
)
def dispatch(
    how: Annotated[str, typer.Argument(metavar="HOW", help="pgqueuer or store.")],
    as_json: AsJson = False,
) -> None:
    """Set up or take out pgqueuer, which wakes workers when a run is queued. No run is touched."""
    from aos_workflow.errors import UsageError

    if how not in ("pgqueuer", "store"):
        raise UsageError(f"cannot dispatch through {how!r}, expected pgqueuer or store")
    try:
        from aos_workflow.checkpoint.postgres.pgqueuer_dispatch import install, uninstall
    except ModuleNotFoundError:
        raise UsageError(
            "pgqueuer is not installed", hint="pip install 'aos-workflow[pgqueuer]'"
        ) from None
    from aos_workflow.checkpoint.postgres.migrating import migrate as apply

    async def work(connection: Any, is_embedded: bool) -> None:
        await apply(connection, whole_database=is_embedded)
        await (install if how == "pgqueuer" else uninstall)(connection)

    output = Output(as_json=as_json)
    connected(work)
    output.line(f"runs are dispatched through {how}")
    if how == "pgqueuer":
        output.line("next: aos-workflow worker --dispatch pgqueuer")
    output.document({"ok": True, "dispatch": how})


def connected(work: Callable[[Any, bool], Awaitable[T]]) -> T:
    """What ``work`` makes of a connection, and of whether the database is ours alone. Raises StoreError, StackError."""
    import asyncio

    from aos_workflow.assembly.database import default_database
    from aos_workflow.checkpoint.postgres.connection import Database

    lease = default_database()

    async def run() -> T:
        database = Database(
            lease.dsn,
            pool_size=1,
            statement_timeout_s=3600,
            application_name="aos-workflow db",
            tries=TRIES,
        )
        return await database.alone(lambda connection: work(connection, lease.is_embedded))

    try:
        return asyncio.run(run())
    finally:
        lease.release()


def _word(state: str) -> str:
    return "ok" if state == "applied" else state

"""``aos-workflow inspect --database``: how the database is."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from aos_workflow.cli.database import connected
from aos_workflow.cli.output import Output

if TYPE_CHECKING:
    from aos_workflow.checkpoint.postgres.health import DatabaseHealth

__all__ = ["inspect_database"]

LITTLE_FREE_BYTES = 1 << 30
LONG_TRANSACTION_S = 60
NEARLY_FULL = 0.8


def inspect_database(output: Output) -> bool:
    """Show it; whether everything is in order."""
    from aos_workflow.checkpoint.postgres.health import look

    found = connected(lambda connection, is_embedded: look(connection))
    problems = _problems(found)
    output.table(("", ""), _facts(found))
    output.line()
    output.table(
        ("table", "rows", "dead", "size"),
        [(t.name, str(t.rows), str(t.dead_rows), _size(t.size_bytes)) for t in found.tables],
    )
    output.line()
    output.table(
        ("index", "table", "scans", "size"),
        [(i.name, i.table, str(i.scans), _size(i.size_bytes)) for i in found.indexes],
    )
    if found.activity:
        output.line()
        output.table(
            ("pid", "application", "state", "waits for", "blocked by", "seconds", "query"),
            [
                (
                    str(a.pid),
                    a.application,
                    a.state,
                    a.wait,
                    " ".join(map(str, a.blocked_by)),
                    f"{a.running_s:.1f}",
                    " ".join(a.query.split()),
                )
                for a in found.activity
            ],
        )
    output.lines([f"problem: {problem}" for problem in problems])
    output.document({"ok": not problems, "problems": problems, "database": asdict(found)})
    return not problems


def _problems(found: DatabaseHealth) -> list[str]:
    """What an operator should do something about."""
    blocked = [each for each in found.activity if each.blocked_by]
    checks = (
        (
            found.free_bytes is not None and found.free_bytes < LITTLE_FREE_BYTES,
            f"little room in {found.data_folder}: make some before commits fail",
        ),
        (
            found.connections >= NEARLY_FULL * found.max_connections,
            f"{found.connections} of {found.max_connections} connections are used: fewer workers, or smaller pools",
        ),
        (
            found.oldest_transaction_s > LONG_TRANSACTION_S,
            f"a transaction is open for {found.oldest_transaction_s:.0f} s: SELECT pg_terminate_backend(PID)",
        ),
        (
            bool(blocked),
            f"{len(blocked)} sessions wait for others: {_pids(found)}",
        ),
        (
            found.stale_runs > 0,
            f"{found.stale_runs} runs had no change for an hour: aos-workflow list-running",
        ),
    )
    return [text for is_so, text in checks if is_so]


def _pids(found: DatabaseHealth) -> str:
    blocking = sorted({pid for each in found.activity for pid in each.blocked_by})
    return f"blocked by {' '.join(map(str, blocking))}"


def _facts(found: DatabaseHealth) -> list[tuple[str, str]]:
    free = "not on this machine" if found.free_bytes is None else _size(found.free_bytes)
    runs = ", ".join(f"{count} {status}" for status, count in found.runs.items()) or "none"
    return [
        ("server", f"PostgreSQL {found.server_version}"),
        ("database", f"{found.database}, {_size(found.size_bytes)}"),
        ("data folder", f"{found.data_folder or 'not to be known by this role'}, free: {free}"),
        ("connections", f"{found.connections} of {found.max_connections}"),
        ("oldest transaction", f"{found.oldest_transaction_s:.1f} s"),
        ("waiting locks", str(found.waiting_locks)),
        ("runs", runs),
        ("stale runs", str(found.stale_runs)),
    ]


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"

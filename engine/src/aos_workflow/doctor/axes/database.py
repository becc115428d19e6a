"""SQLite's own clock and randomness, which no patch of Python reaches: they are replaced inside each connection."""

from __future__ import annotations

import time
from typing import Any

from aos_workflow.doctor.axes import randomness
from aos_workflow.doctor.child.run import Run

CURRENT = {
    "current_timestamp": "%Y-%m-%d %H:%M:%S",
    "current_date": "%Y-%m-%d",
    "current_time": "%H:%M:%S",
}
WITH_NOW = ("datetime", "date", "time", "julianday", "unixepoch", "strftime")


def control(run: Run) -> dict[str, Any]:
    """``random()``, ``randomblob()`` and everything about *now* through Python's sources."""
    try:
        import sqlite3
    except ImportError:
        return {}
    connect = sqlite3.connect

    def connected(*args: Any, **kwargs: Any) -> Any:
        connection = connect(*args, **kwargs)
        if run.active:
            _replace(run, connection, connect)
        return connection

    sqlite3.connect = sqlite3.dbapi2.connect = connected
    return {}


def _replace(run: Run, connection: Any, connect: Any) -> None:
    def drawn() -> Any:
        reading = run.visit(randomness.NAME, "SQLite random()", depth=3)
        assert reading is not None, "SQL is run by somebody"
        return randomness.generator(reading)

    connection.create_function("random", 0, lambda: drawn().getrandbits(64) - (1 << 63))
    connection.create_function("randomblob", 1, lambda size: drawn().randbytes(max(1, size)))
    for name, form in CURRENT.items():
        connection.create_function(name, 0, lambda form=form: time.strftime(form, time.gmtime()))
    helper = connect(":memory:", check_same_thread=False)
    for name in WITH_NOW:
        connection.create_function(name, -1, _function(helper, name))


def _function(helper: Any, name: str) -> Any:
    at = 1 if name == "strftime" else 0

    def function(*args: Any) -> Any:
        given = list(args)
        if len(given) <= at:
            given.append("now")
        if isinstance(given[at], str) and given[at].lower() == "now":
            given[at] = f"{time.time():.3f}"
            given.insert(at + 1, "unixepoch")
        marks = ",".join("?" * len(given))
        return helper.execute(f"select {name}({marks})", given).fetchone()[0]

    return function

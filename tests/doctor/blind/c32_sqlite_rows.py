"""Rows from a table in an order that nobody asked for, and the time at which they were put there."""
import sqlite3


def run(seed: int):
    with sqlite3.connect(":memory:") as db:
        db.execute("create table t (name text, at text default current_timestamp)")
        db.executemany("insert into t (name) values (?)", [("a",), (f"b{seed}",)])
        return db.execute("select name, at from t").fetchall()

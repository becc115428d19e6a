"""What an operator waits for: commands as whole processes, over a database with many runs."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import asyncpg

from aos_workflow.checkpoint.postgres.migrating import migrate
from aos_workflow.stack import postgres
from bench.measure import Cost, alternate, cpu_s, wall_s
from bench.measure import run as run_command
from bench.report import Figure, Report, Table

__all__ = ["run"]

RUNS = 100_000
HELP_BAR_MS = 150.0
LIST_BAR_MS = 300.0

_FILL = """
INSERT INTO aos.workflow_specs (spec_hash, workflow_id, spec_version, spec_json)
VALUES ('h', 'w', '1', '{"code": "w"}');
INSERT INTO aos.workflow_runs (run_id, tenant_id, workflow_id, spec_hash, seed, input_json, mode)
SELECT 'run-' || n, 'default', 'w', 'h', n, '{"amount": 5}', 'live' FROM generate_series(1, $N) n;
INSERT INTO aos.workflow_checkpoints (
    run_id, workflow_id, status, next_step_index, version, lease_owner, started_at, completed_at, created_at,
    updated_at)
SELECT 'run-' || n, 'w', $STATUS, 3, 4, 'worker-1', now() - n * interval '1 second', now(),
       now() - n * interval '1 second', now() - n * interval '1 second'
FROM generate_series(1, $N) n;
INSERT INTO aos.cost_ledger (entry_key, tenant_id, run_id, step_path, cents)
SELECT 'run-' || n || ':0', 'default', 'run-' || n, '1:s', 0.25 FROM generate_series(1, $N) n;
ANALYZE;
"""
_USUAL = "(ARRAY['completed', 'completed', 'completed', 'failed'])[1 + n % 4]"
"""What a database looks like after weeks: hardly anything runs."""


def run(*, quick: bool = False) -> Report:
    """Measure commands over many runs: few of them running, and all of them."""
    report = Report("operate", quick, "what an operator waits for")
    runs, rounds = (2_000, 2) if quick else (RUNS, 11)
    with tempfile.TemporaryDirectory(prefix="bench-operate-") as folder, postgres() as server:
        environment = {**os.environ, "DATABASE_URL": server.url, "AOS_HOME": folder}
        call = partial(_call, Path(folder), environment)
        few = "CASE WHEN n <= 50 THEN 'running' ELSE " + _USUAL + " END"
        found: dict[str, list[Cost]] = {}
        for name, status in (("50 running", few), ("all running", "'running'")):
            asyncio.run(_fill(server.url, runs, status))
            contenders: dict[str, Callable[[], Cost]] = {
                f"{' '.join(command)}, {name}": partial(call, *command)
                for command in (
                    ["list-running"],
                    ["stats", "--spec", "w"],
                    ["inspect", "--run", "run-7"],
                )
            }
            found |= alternate(contenders, rounds=rounds)
        found |= alternate({"--help": partial(call, "--help")}, rounds=rounds)
        rows: list[tuple[str | float, ...]] = [
            (name, wall_s(costs) * 1e3, cpu_s(costs) * 1e3) for name, costs in found.items()
        ]
    report.tables.append(
        Table(f"{runs:,} runs, whole process", ("", "wall ms", "CPU ms"), tuple(rows))
    )
    for name, bar in (
        ("--help", HELP_BAR_MS),
        ("list-running, 50 running", LIST_BAR_MS),
        ("list-running, all running", LIST_BAR_MS),
    ):
        shown = f"aos-workflow {name}"
        report.figures.append(Figure(f"{shown}, wall", wall_s(found[name]) * 1e3, "ms", bar))
    return report


def _call(folder: Path, environment: dict[str, str], *arguments: str) -> Cost:
    script = "import sys; from aos_workflow.cli import main; sys.exit(main())"
    return run_command([sys.executable, "-c", script, *arguments], cwd=folder, env=environment)


async def _fill(url: str, runs: int, status: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await migrate(connection, whole_database=True)
        await connection.execute(
            "TRUNCATE aos.workflow_runs, aos.workflow_specs, aos.cost_ledger CASCADE"
        )
        await connection.execute(_FILL.replace("$N", str(runs)).replace("$STATUS", status))
    finally:
        await connection.close()

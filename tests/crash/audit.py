"""What must hold after whatever happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
from tests.crash.scenario import COST_CENTS, STEPS

__all__ = ["Audit", "audit"]


@dataclass(frozen=True)
class Audit:
    """Counts, and every violation in words."""

    runs: int
    steps: int
    effects: int
    attempts: int
    violations: tuple[str, ...]


async def audit(url: str, expected: Mapping[str, str]) -> Audit:
    """Look at every run of ``expected`` (run id to workflow hash) in the database."""
    connection = await asyncpg.connect(url, server_settings={"search_path": "aos"})
    try:
        heads = await connection.fetch(
            "SELECT run_id, status, last_result_hash, attempts, error_message FROM workflow_checkpoints"
        )
        found = {row["run_id"]: row for row in heads}
        violations = []
        for run_id, workflow_hash in expected.items():
            head = found.get(run_id)
            if head is None:
                violations.append(f"{run_id} is lost")
            elif head["status"] != "completed":
                violations.append(f"{run_id} is {head['status']}: {head['error_message']}")
            elif head["last_result_hash"] != workflow_hash:
                violations.append(f"{run_id} has another hash than an undisturbed run")
        for sql, what in _CHECKS:
            rows = await connection.fetch(sql)
            violations += [f"{row[0]}: {what}: {row[1]}" for row in rows]
        steps = await connection.fetchval("SELECT count(*) FROM workflow_steps")
        effects = await connection.fetchval("SELECT count(*) FROM public.effects")
        attempts = sum(row["attempts"] for row in heads)
        return Audit(len(heads), steps, effects, attempts, tuple(violations))
    finally:
        await connection.close()


_CHECKS = (
    (
        f"SELECT run_id, count(*) FROM workflow_steps GROUP BY run_id HAVING count(*) <> {STEPS}",
        f"expected {STEPS} committed steps, found",
    ),
    (
        f"SELECT run_id, sum(cents) FROM cost_ledger GROUP BY run_id HAVING sum(cents) <> {COST_CENTS}",
        f"expected {COST_CENTS} cents in the ledger, found",
    ),
    (
        "SELECT key, spent FROM budgets WHERE key LIKE 'budget:run:%' "
        f"AND (spent <> {COST_CENTS} * 10000 OR held <> 0)",
        f"expected a budget of {COST_CENTS} cents spent and nothing held, found units",
    ),
    (
        "SELECT split_part(key, ':', 1), count(*) FROM public.effects GROUP BY 1 HAVING count(*) <> 4",
        "expected 4 payments, found",
    ),
    (
        "SELECT run_id, count(DISTINCT step_index) FROM workflow_steps GROUP BY run_id "
        "HAVING count(DISTINCT step_index) <> count(*)",
        "step indexes that are used twice",
    ),
)

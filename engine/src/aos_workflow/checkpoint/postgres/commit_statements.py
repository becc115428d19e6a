"""The statements that commit: the most frequent one, many at once, and any one."""

from __future__ import annotations

__all__ = ["COMMITTED", "COMMIT_ALONE", "COMMIT_GROUP", "COMMIT_PAID_STEP", "COMMIT_STEP"]

_MINE = "(w.version, w.lease_owner, w.status) IS NOT DISTINCT FROM (c.v, c.o, 'running')"
"""In this form no index but that of run_id helps: the one of running runs, by their owner, looks as good and is not."""

_STEP_COLUMNS = """
    run_id, step_path, step_index, step_id, kind, status, skill_id, skill_version, input_hash, output_hash, step_hash,
    attempt, cost_cents, error_code, idempotency_key, started_at, completed_at, output_json, output_digest, draws_json,
    error_message, worker_id
"""

_AGAIN = """
    ON CONFLICT (run_id, step_path) DO UPDATE SET
        status = CASE WHEN old.status = 'failed' THEN excluded.status END,
        step_index = excluded.step_index, kind = excluded.kind, skill_id = excluded.skill_id,
        skill_version = excluded.skill_version, input_hash = excluded.input_hash, output_hash = excluded.output_hash,
        step_hash = excluded.step_hash, attempt = excluded.attempt, cost_cents = excluded.cost_cents,
        error_code = excluded.error_code, idempotency_key = excluded.idempotency_key,
        started_at = excluded.started_at, completed_at = excluded.completed_at, output_json = excluded.output_json,
        output_digest = excluded.output_digest, draws_json = excluded.draws_json,
        error_message = excluded.error_message, worker_id = excluded.worker_id
"""
"""A step that failed is replaced. One that is done is not: the status would be null, which refuses the statement."""

_ANSWER = (
    "SELECT run_id, version, cancel_requested, (SELECT epoch FROM aos.controls) AS epoch FROM head"
)

_LEDGER = """, ledger AS (
    INSERT INTO aos.cost_ledger (entry_key, tenant_id, run_id, step_path, cents)
    SELECT run_id || ':' || $7::integer, tenant_id, run_id, $6, $17::float8::numeric FROM head
    ON CONFLICT DO NOTHING
)"""


def _step(ledger: str) -> str:
    return f"""
WITH head AS (
    UPDATE aos.workflow_checkpoints SET
        version = version + 1, next_step_index = next_step_index + 1, attempts = 0, error_code = NULL,
        error_message = NULL, last_result_hash = coalesce($4, last_result_hash), step_outputs_json = $5,
        updated_at = now()
    WHERE run_id = $1 AND (version, lease_owner, status) IS NOT DISTINCT FROM ($2::bigint, $3::text, 'running')
    RETURNING run_id, version, next_step_index, last_result_hash, tenant_id, cancel_requested
), stored AS (
    INSERT INTO aos.workflow_steps ({_STEP_COLUMNS})
    SELECT run_id, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17::float8::numeric, $18, $19,
           to_timestamp($20), to_timestamp($21), $22, NULL, $23, $24, $3
    FROM head
), history AS (
    INSERT INTO aos.checkpoints (run_id, version, next_step_index, status, result_hash, worker_id)
    SELECT run_id, version, next_step_index, 'running', last_result_hash, $3 FROM head
){ledger}
{_ANSWER}
"""


COMMIT_STEP = _step("")
"""One step, free of charge, of a run that goes on: by far the most frequent commit. See commit_rows.step_arguments.

Leaves out what is rarely needed. A step that failed before, and has a row, is refused, and goes by COMMIT_ALONE.
"""
COMMIT_PAID_STEP = _step(_LEDGER)

_END = """
        version = w.version + 1,
        status = c.st,
        next_step_index = w.next_step_index + c.n,
        last_result_hash = coalesce(c.h, w.last_result_hash),
        step_outputs_json = CASE WHEN c.n > 0 THEN c.outs::json ELSE w.step_outputs_json END,
        output_json = c.output::json,
        draws_json = CASE WHEN c.st = 'running' THEN w.draws_json ELSE c.left_draws::json END,
        reason = CASE WHEN c.st = 'running' THEN w.reason ELSE c.rest->>'reason' END,
        error_code = c.rest->>'error_code',
        error_message = c.rest->>'error_message',
        lease_owner = CASE WHEN c.st = 'running' THEN w.lease_owner END,
        attempts = CASE WHEN c.n > 0 OR c.st IN ('queued', 'suspended') THEN 0 ELSE w.attempts END,
        available_at = CASE WHEN c.st = 'queued' THEN now() + make_interval(secs => c.delay_s) ELSE w.available_at END,
        completed_at = CASE WHEN c.st IN ('completed', 'failed', 'cancelled', 'quarantined') THEN now() END,
        updated_at = now()
"""
_AFTER = "w.run_id, w.version, w.status, w.next_step_index, w.last_result_hash, w.tenant_id, w.cancel_requested"
_STEP_VALUES = """
    p, i, id, k, s, sk, sv, ih, oh, sh, at, cents::numeric, e, ik, to_timestamp(b), to_timestamp(t), out::json, digest,
    draws::json, em
"""
_HISTORY = """
    INSERT INTO aos.checkpoints (run_id, version, next_step_index, status, result_hash, worker_id)
    SELECT run_id, version, next_step_index, status, last_result_hash, o FROM head
"""

COMMIT_GROUP = f"""
WITH c AS MATERIALIZED (
    SELECT c.* FROM unnest(
        $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::integer[], $7::text[], $8::text[],
        $9::text[], $10::json[], $11::float8[],
        $12::text[], $13::integer[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[],
        $20::text[], $21::text[], $22::integer[], $23::float8[], $24::text[], $25::text[], $26::float8[],
        $27::float8[], $28::text[], $29::text[], $30::text[], $31::text[])
        AS c(r, o, v, st, h, n, outs, output, left_draws, rest, delay_s,
             p, i, id, k, s, sk, sv, ih, oh, sh, at, cents, e, ik, b, t, out, digest, draws, em)
    JOIN aos.workflow_checkpoints w ON w.run_id = c.r
    WHERE {_MINE} FOR UPDATE OF w SKIP LOCKED
), head AS (
    UPDATE aos.workflow_checkpoints w SET {_END} FROM c WHERE w.run_id = c.r AND {_MINE}
    RETURNING {_AFTER}, c.*
), stored AS (
    INSERT INTO aos.workflow_steps AS old ({_STEP_COLUMNS})
    SELECT run_id, {_STEP_VALUES}, o FROM head WHERE n > 0 {_AGAIN}
), history AS ({_HISTORY}), ledger AS (
    INSERT INTO aos.cost_ledger (entry_key, tenant_id, run_id, step_path, cents)
    SELECT run_id || ':' || i, tenant_id, run_id, p, cents::numeric FROM head WHERE cents > 0
    ON CONFLICT DO NOTHING
)
{_ANSWER}
"""
"""Commits of different runs, of one step or none each. See commit_rows.group_arguments.

Leaves out, rather than waits for, a run whose row somebody has locked: one must not hold up the others.
"""

COMMIT_ALONE = f"""
WITH head AS (
    UPDATE aos.workflow_checkpoints w SET {_END}
    FROM (VALUES ($1::text, $2::text, $3::bigint, $4::text, $5::text, $6::integer, $7::text, $8::text, $9::text,
                  $10::json, $11::float8)) AS c(r, o, v, st, h, n, outs, output, left_draws, rest, delay_s)
    WHERE w.run_id = c.r AND {_MINE}
    RETURNING {_AFTER}, c.o
), step AS MATERIALIZED (
    SELECT head.run_id, head.tenant_id, head.o, s.* FROM head, unnest(
        $12::text[], $13::integer[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[],
        $20::text[], $21::text[], $22::integer[], $23::float8[], $24::text[], $25::text[], $26::float8[],
        $27::float8[], $28::text[], $29::text[], $30::text[], $31::text[])
        AS s(p, i, id, k, s, sk, sv, ih, oh, sh, at, cents, e, ik, b, t, out, digest, draws, em)
), stored AS (
    INSERT INTO aos.workflow_steps AS old ({_STEP_COLUMNS})
    SELECT run_id, {_STEP_VALUES}, o FROM step {_AGAIN}
), bodies AS (
    INSERT INTO aos.payloads (run_id, digest, body)
    SELECT head.run_id, b.digest, b.body::json FROM head, unnest($32::text[], $33::text[]) AS b(digest, body)
    ON CONFLICT DO NOTHING
), history AS ({_HISTORY}), ledger AS (
    INSERT INTO aos.cost_ledger (entry_key, tenant_id, run_id, step_path, cents)
    SELECT run_id || ':' || i, tenant_id, run_id, p, cents::numeric FROM step WHERE cents > 0
    ON CONFLICT DO NOTHING
)
{_ANSWER}
"""
"""Any one commit. See commit_rows.alone_arguments. Waits for a locked row."""

COMMITTED = """
SELECT h.version, h.next_step_index, h.status, h.result_hash, h.worker_id, c.cancel_requested,
       c.version AS head_version, (SELECT epoch FROM aos.controls) AS epoch,
       (SELECT array_agg(s.step_hash ORDER BY s.step_index) FROM aos.workflow_steps s
        WHERE s.run_id = h.run_id AND s.step_index >= h.next_step_index - $3 AND s.step_index < h.next_step_index)
           AS step_hashes
FROM aos.checkpoints h JOIN aos.workflow_checkpoints c USING (run_id)
WHERE h.run_id = $1 AND h.version = $2
"""
"""The history's row of a commit of $3 steps that may have counted before."""

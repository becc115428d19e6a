"""Every SQL statement of the store. One round trip each."""

from __future__ import annotations

__all__: list[str] = []

_HEAD_COLUMNS = """
    c.run_id, r.workflow_id, r.spec_hash, r.seed, r.input_json, r.tenant_id, r.mode, c.status, c.version,
    c.next_step_index, c.last_result_hash, c.output_json, c.reason, c.error_code, c.error_message, c.attempts,
    c.max_attempts, c.cancel_requested, c.queue, c.priority, r.idempotency_key, r.golden_uri, r.target_resource,
    r.labels, r.parent_run_id, r.parent_step_path, r.forked_from_run_id, r.forked_from_step, r.budget_cents,
    CASE WHEN c.status = 'running' THEN c.lease_owner END AS lease_owner,
    extract(epoch FROM c.available_at)::float8 AS available_at_s,
    extract(epoch FROM c.created_at)::float8 AS created_at_s,
    extract(epoch FROM c.updated_at)::float8 AS updated_at_s,
    extract(epoch FROM c.started_at)::float8 AS started_at_s,
    extract(epoch FROM c.completed_at)::float8 AS completed_at_s,
    (SELECT epoch FROM aos.controls) AS epoch
"""

HEAD = f"""
SELECT {_HEAD_COLUMNS}
FROM aos.workflow_checkpoints c JOIN aos.workflow_runs r USING (run_id)
WHERE c.run_id = $1
"""

HEAD_BY_KEY = f"""
WITH known AS (
    SELECT run_id FROM aos.workflow_runs WHERE run_id = $1
    UNION ALL
    SELECT run_id FROM aos.workflow_runs WHERE tenant_id = $2 AND workflow_id = $3 AND idempotency_key = $4
)
SELECT {_HEAD_COLUMNS}, c.lease_token
FROM known JOIN aos.workflow_checkpoints c USING (run_id) JOIN aos.workflow_runs r USING (run_id)
ORDER BY c.run_id <> $1
LIMIT 1
"""

SAVE_SPEC = """
INSERT INTO aos.workflow_specs (spec_hash, workflow_id, spec_version, spec_json) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""

LOAD_SPEC = """
SELECT spec_hash, workflow_id, spec_version, spec_json FROM aos.workflow_specs WHERE spec_hash = $1
"""

NEWEST_SPEC = """
SELECT spec_hash, workflow_id, spec_version, spec_json FROM aos.workflow_specs
WHERE workflow_id = $1 ORDER BY seq DESC LIMIT 1
"""

CREATE = """
WITH run AS (
    INSERT INTO aos.workflow_runs (
        run_id, tenant_id, workflow_id, spec_hash, seed, input_json, mode, budget_cents, idempotency_key, golden_uri,
        target_resource, labels, parent_run_id, parent_step_path, forked_from_run_id, forked_from_step)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8::float8::numeric, $9, $10, $11, $12, $13, $14, $15, $16)
    ON CONFLICT DO NOTHING
    RETURNING run_id, workflow_id, tenant_id
)
INSERT INTO aos.workflow_checkpoints (
    run_id, workflow_id, tenant_id, status, lease_owner, attempts, max_attempts, queue, priority, available_at,
    started_at, lease_token)
SELECT run_id, workflow_id, tenant_id, CASE WHEN $17::text IS NULL THEN 'queued' ELSE 'running' END, $17,
       CASE WHEN $17::text IS NULL THEN 0 ELSE 1 END, $18, $19, $20,
       now() + make_interval(secs => $21), CASE WHEN $17::text IS NULL THEN NULL ELSE now() END, $22
FROM run
RETURNING extract(epoch FROM created_at)::float8 AS created_at_s, (SELECT epoch FROM aos.controls) AS epoch
"""

STEPS = """
SELECT step_path, step_index, step_id, kind, status, skill_id, skill_version, input_hash, output_hash,
       CASE WHEN output_digest IS NULL THEN output_json ELSE (
           SELECT body FROM aos.payloads p WHERE p.run_id = s.run_id AND p.digest = s.output_digest)
       END AS output_json,
       step_hash, attempt, cost_cents::float8 AS cost_cents, draws_json, error_code, error_message, idempotency_key,
       extract(epoch FROM started_at)::float8 AS started_at_s,
       extract(epoch FROM completed_at)::float8 AS completed_at_s
FROM aos.workflow_steps s WHERE run_id = $1 AND step_index > $2 ORDER BY step_index, step_path LIMIT $3
"""

DRAWS = "SELECT draws_json FROM aos.workflow_checkpoints WHERE run_id = $1"

LIST = f"""
WITH found AS MATERIALIZED (
    SELECT c.run_id FROM aos.workflow_checkpoints c
    WHERE ($1::text[] IS NULL OR c.status = ANY ($1))
      AND ($2::text IS NULL OR c.workflow_id = $2)
      AND ($3::text IS NULL OR c.tenant_id = $3)
      AND ($4::text IS NULL OR c.queue = $4)
      AND ($5::text IS NULL OR c.status = 'running' AND c.lease_owner = $5)
      AND ($6::float8 IS NULL OR c.updated_at < to_timestamp($6))
      AND ($7::float8 IS NULL OR (c.updated_at, c.run_id) < (to_timestamp($7), $8::text))
    ORDER BY c.updated_at DESC, c.run_id DESC
    LIMIT $9
)
SELECT {_HEAD_COLUMNS}
FROM found JOIN aos.workflow_checkpoints c USING (run_id) JOIN aos.workflow_runs r USING (run_id)
ORDER BY c.updated_at DESC, c.run_id DESC
"""
"""Chosen before it is joined: of many runs few are shown."""

STATISTICS = """
WITH chosen AS (
    SELECT run_id, status, extract(epoch FROM completed_at - started_at)::float8 AS duration_s
    FROM aos.workflow_checkpoints
    WHERE workflow_id = $1 AND ($2::float8 IS NULL OR created_at >= to_timestamp($2))
), spent AS (
    SELECT c.status, sum(l.cents) AS cents FROM chosen c JOIN aos.cost_ledger l USING (run_id) GROUP BY c.status
)
SELECT c.status, count(*) AS runs, percentile_cont($3::float8[]) WITHIN GROUP (ORDER BY c.duration_s) AS quantiles_s,
       coalesce(min(s.cents), 0)::float8 AS cents
FROM chosen c LEFT JOIN spent s USING (status)
GROUP BY c.status ORDER BY c.status
"""

DELETE = """
DELETE FROM aos.workflow_checkpoints c
WHERE c.run_id = $1
  AND set_config('aos.by', $3, true) = $3 AND set_config('aos.token', $4, true) = $4  -- for the trigger
  AND NOT (c.status = 'running' AND EXISTS (
    SELECT FROM aos.workers w
    WHERE w.worker_id = c.lease_owner AND w.heartbeat_at > now() - make_interval(secs => $2)))
RETURNING c.run_id
"""

DELETED = "SELECT run_id FROM aos.transitions WHERE run_id = $1 AND token = $2"

CHANGED = f"""
SELECT {_HEAD_COLUMNS}
FROM aos.workflow_checkpoints c JOIN aos.workflow_runs r USING (run_id)
WHERE c.run_id = $1 AND EXISTS (SELECT FROM aos.transitions t WHERE t.run_id = $1 AND t.token = $2)
"""
"""The run, if a change with this token has happened to it."""

CLAIM = f"""
WITH due AS (
    SELECT first.run_id FROM unnest($2::text[]) AS q(name) CROSS JOIN LATERAL (
        SELECT run_id, priority, available_at FROM aos.workflow_checkpoints
        WHERE status = 'queued' AND queue = q.name AND available_at <= now()
        ORDER BY priority, available_at, run_id
        LIMIT $3 FOR UPDATE SKIP LOCKED) first
    ORDER BY first.priority, first.available_at, first.run_id
    LIMIT $3
)
UPDATE aos.workflow_checkpoints c SET
    status = 'running', lease_owner = $1, lease_token = $4, attempts = c.attempts + 1, version = c.version + 1,
    updated_at = now(), started_at = coalesce(c.started_at, now()), output_json = NULL, error_code = NULL,
    error_message = NULL, completed_at = NULL
FROM due, aos.workflow_runs r
WHERE c.run_id = due.run_id AND r.run_id = c.run_id
RETURNING {_HEAD_COLUMNS}
"""
"""$4 names this claim, so that one whose answer was lost can be asked for."""

CLAIMED = f"""
SELECT {_HEAD_COLUMNS}
FROM aos.workflow_checkpoints c JOIN aos.workflow_runs r USING (run_id)
WHERE c.status = 'running' AND c.lease_owner = $1 AND c.lease_token = $2
"""

TAKE = f"""
UPDATE aos.workflow_checkpoints c SET
    status = 'running', lease_owner = $2, attempts = c.attempts + 1, version = c.version + 1, updated_at = now(),
    started_at = coalesce(c.started_at, now()), output_json = NULL, error_code = NULL, error_message = NULL,
    completed_at = NULL
FROM aos.workflow_runs r
WHERE c.run_id = $1 AND r.run_id = c.run_id
  AND (c.status IN ('queued', 'suspended', 'failed') OR c.status = 'running' AND (c.lease_owner = $2 OR NOT EXISTS (
       SELECT FROM aos.workers w
       WHERE w.worker_id = c.lease_owner AND w.heartbeat_at > now() - make_interval(secs => $3))))
RETURNING {_HEAD_COLUMNS}
"""

TRANSITION = f"""
WITH old AS (SELECT run_id, status FROM aos.workflow_checkpoints WHERE run_id = $1 FOR UPDATE),
changed AS (
    UPDATE aos.workflow_checkpoints c SET
        status = $2, version = c.version + 1, lease_owner = NULL, reason = $4, error_code = $5, error_message = $6,
        attempts = CASE WHEN $8 THEN 0 ELSE c.attempts END, available_at = now(), updated_at = now(),
        cancel_requested = c.cancel_requested AND $2 <> 'queued',
        completed_at = CASE WHEN $2 IN ('completed', 'failed', 'cancelled', 'quarantined') THEN now() END
    FROM old, aos.workflow_runs r
    WHERE c.run_id = old.run_id AND r.run_id = c.run_id AND old.status = ANY ($9::text[])
      AND ($7::bigint IS NULL OR c.version = $7)
    RETURNING old.status AS from_state, {_HEAD_COLUMNS}
), raised AS (
    UPDATE aos.workflow_runs r SET budget_cents = $11::float8::numeric FROM changed
    WHERE r.run_id = changed.run_id AND $11::float8 IS NOT NULL
), audit AS (
    INSERT INTO aos.transitions (run_id, by, event, from_state, to_state, version, detail, token)
    SELECT run_id, $3, 'transition', from_state, status, version, coalesce($4, $5), $10 FROM changed
)
SELECT * FROM changed
"""

CANCEL = f"""
WITH changed AS (
    UPDATE aos.workflow_checkpoints c SET
        status = CASE WHEN c.status = 'running' THEN c.status ELSE 'cancelled' END,
        version = c.version + CASE WHEN c.status = 'running' THEN 0 ELSE 1 END,
        cancel_requested = true,
        lease_owner = CASE WHEN c.status = 'running' THEN c.lease_owner END,
        reason = CASE WHEN c.status = 'running' THEN c.reason ELSE 'cancelled by ' || $2 END,
        error_code = CASE WHEN c.status = 'running' THEN c.error_code ELSE 'RUN_CANCELLED' END,
        completed_at = CASE WHEN c.status = 'running' THEN NULL ELSE now() END,
        updated_at = now()
    FROM aos.workflow_runs r
    WHERE c.run_id = $1 AND r.run_id = c.run_id AND c.status = ANY ($3::text[])
    RETURNING {_HEAD_COLUMNS}
), audit AS (
    INSERT INTO aos.transitions (run_id, by, event, to_state, version, token)
    SELECT run_id, $2, 'cancel requested', status, version, $4 FROM changed
)
SELECT * FROM changed
"""

_FORKED = """
    step_id, kind, status, skill_id, skill_version, input_hash, output_hash, output_json, output_digest, step_hash,
    attempt, cost_cents, draws_json, error_code, error_message, idempotency_key, worker_id, started_at, completed_at
"""

FORK_STEPS = f"""
WITH kept AS (
    INSERT INTO aos.workflow_steps (run_id, step_path, step_index, {_FORKED})
    SELECT $2, step_path, (row_number() OVER (ORDER BY step_index, step_path) - 1)::integer, {_FORKED}
    FROM aos.workflow_steps WHERE run_id = $1 ORDER BY step_index, step_path LIMIT $3
    RETURNING output_digest
), bodies AS (
    INSERT INTO aos.payloads (run_id, digest, body)
    SELECT $2, digest, body FROM aos.payloads
    WHERE run_id = $1 AND digest IN (SELECT output_digest FROM kept)
)
UPDATE aos.workflow_checkpoints SET next_step_index = $3 WHERE run_id = $2
"""

COUNT_STEPS = "SELECT count(*) FROM aos.workflow_steps WHERE run_id = $1"

LOCK_HEAD = f"""
SELECT {_HEAD_COLUMNS}
FROM aos.workflow_checkpoints c JOIN aos.workflow_runs r USING (run_id)
WHERE c.run_id = $1 FOR UPDATE OF c
"""
"""Who asks and who answers take turns, so that neither misses the other."""

_DECISION_COLUMNS = """
    run_id, step_path, kind, name, request, decision, payload, decided_by,
    extract(epoch FROM requested_at)::float8 AS requested_at_s,
    extract(epoch FROM decided_at)::float8 AS decided_at_s,
    extract(epoch FROM expires_at)::float8 AS expires_at_s
"""

ASKED = f"""
UPDATE aos.approvals SET
    decision = CASE WHEN decision IS NULL AND expires_at <= now() THEN 'expired' ELSE decision END,
    decided_at = CASE WHEN decision IS NULL AND expires_at <= now() THEN now() ELSE decided_at END
WHERE run_id = $1 AND step_path = $2
RETURNING {_DECISION_COLUMNS}
"""

KEPT_SIGNAL = f"""
UPDATE aos.approvals SET step_path = $2, request = $4
WHERE (run_id, step_path) = (
    SELECT run_id, step_path FROM aos.approvals
    WHERE run_id = $1 AND name = $3 AND left(step_path, 1) = '?' ORDER BY requested_at, step_path LIMIT 1 FOR UPDATE)
RETURNING {_DECISION_COLUMNS}
"""

ASK = f"""
INSERT INTO aos.approvals (run_id, step_path, kind, name, request, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
RETURNING {_DECISION_COLUMNS}
"""

DECIDE = f"""
UPDATE aos.approvals SET decision = $3, payload = $4, decided_by = $5, decided_at = now(), token = $7
WHERE (run_id, step_path) = (
    SELECT run_id, step_path FROM aos.approvals
    WHERE run_id = $1 AND name = $2 AND decision IS NULL AND ($6::text IS NULL OR step_path = $6)
      AND (expires_at IS NULL OR expires_at > now())
    ORDER BY requested_at, step_path LIMIT 1 FOR UPDATE)
RETURNING {_DECISION_COLUMNS}
"""

KEEP_SIGNAL = f"""
INSERT INTO aos.approvals (run_id, step_path, kind, name, request, decision, payload, decided_by, decided_at, token)
VALUES ($1, '?' || $6, 'signal', $2, 'null', $3, $4, $5, now(), $6)
RETURNING {_DECISION_COLUMNS}
"""

DECIDED = f"SELECT {_DECISION_COLUMNS} FROM aos.approvals WHERE run_id = $1 AND token = $2"

DECISIONS = f"""
SELECT {_DECISION_COLUMNS} FROM aos.approvals a
WHERE ($1::text IS NULL OR run_id = $1) AND (NOT $2 OR decision IS NULL)
  AND ($3::text IS NULL OR EXISTS (
      SELECT FROM aos.workflow_runs r WHERE r.run_id = a.run_id AND r.tenant_id = $3))
ORDER BY requested_at, step_path LIMIT $4
"""

_ANSWERED = """
    SELECT a.run_id FROM aos.approvals a
    WHERE (a.decision IS NOT NULL OR a.expires_at <= now()) AND left(a.step_path, 1) <> '?'
      AND NOT EXISTS (SELECT FROM aos.workflow_steps s WHERE s.run_id = a.run_id AND s.step_path = a.step_path)
"""

WAKE = f"""
UPDATE aos.workflow_checkpoints c SET
    status = 'queued', version = c.version + 1, available_at = now(), updated_at = now()
WHERE c.run_id = $1 AND c.status = 'suspended' AND EXISTS ({_ANSWERED} AND a.run_id = c.run_id)
RETURNING c.run_id
"""

WAKE_ALL = f"""
WITH asleep AS (
    SELECT c.run_id FROM aos.workflow_checkpoints c
    WHERE c.status = 'suspended' AND EXISTS ({_ANSWERED} AND a.run_id = c.run_id)
    LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE aos.workflow_checkpoints c SET
    status = 'queued', version = c.version + 1, available_at = now(), updated_at = now()
FROM asleep WHERE c.run_id = asleep.run_id
RETURNING c.run_id
"""

JOIN = """
INSERT INTO aos.workers (worker_id, queues, status, meta) VALUES ($1, $2, $3, $4)
ON CONFLICT (worker_id) DO UPDATE SET
    queues = excluded.queues, status = excluded.status, meta = excluded.meta, heartbeat_at = now()
"""

BEAT = "UPDATE aos.workers SET heartbeat_at = now(), status = $2 WHERE worker_id = $1 RETURNING worker_id"

LEAVE = """
WITH gone AS (DELETE FROM aos.workers WHERE worker_id = $1)
UPDATE aos.workflow_checkpoints SET
    status = 'queued', lease_owner = NULL, version = version + 1, attempts = greatest(attempts - 1, 0),
    available_at = now(), updated_at = now()
WHERE status = 'running' AND lease_owner = $1
RETURNING run_id
"""

WORKERS = """
SELECT w.worker_id, w.queues, w.meta,
       CASE WHEN w.heartbeat_at <= now() - make_interval(secs => $1) THEN 'unresponsive' ELSE w.status END AS status,
       extract(epoch FROM w.heartbeat_at)::float8 AS heartbeat_at_s,
       extract(epoch FROM w.started_at)::float8 AS started_at_s,
       (SELECT count(*) FROM aos.workflow_checkpoints c WHERE c.status = 'running' AND c.lease_owner = w.worker_id)
           AS running
FROM aos.workers w ORDER BY w.worker_id
"""

REAP = """
WITH dead AS (
    SELECT c.run_id FROM aos.workflow_checkpoints c
    WHERE c.status = 'running' AND NOT EXISTS (
        SELECT FROM aos.workers w
        WHERE w.worker_id = c.lease_owner AND w.heartbeat_at > now() - make_interval(secs => $1))
    LIMIT $2 FOR UPDATE SKIP LOCKED
), changed AS (
    UPDATE aos.workflow_checkpoints c SET
        status = CASE WHEN c.attempts >= c.max_attempts THEN 'failed' ELSE 'queued' END,
        lease_owner = NULL, version = c.version + 1, updated_at = now(), available_at = now(),
        error_code = CASE WHEN c.attempts >= c.max_attempts THEN 'WORKER_LOST' END,
        error_message = CASE WHEN c.attempts >= c.max_attempts
            THEN 'its worker was lost ' || c.attempts || ' times; the limit is reached' END,
        completed_at = CASE WHEN c.attempts >= c.max_attempts THEN now() END
    FROM dead WHERE c.run_id = dead.run_id
    RETURNING c.run_id, c.status, c.version
), audit AS (
    INSERT INTO aos.transitions (run_id, by, event, from_state, to_state, version)
    SELECT run_id, 'reaper', 'worker lost', 'running', status, version FROM changed
), forgotten AS (
    DELETE FROM aos.workers WHERE heartbeat_at <= now() - make_interval(secs => $1 + 86400)
)
SELECT run_id FROM changed ORDER BY run_id
"""

CENSUS = """
SELECT (SELECT count(*) FROM aos.workflow_checkpoints WHERE status = 'queued') AS queued,
       (SELECT count(*) FROM aos.workflow_checkpoints WHERE status = 'running') AS running,
       (SELECT count(*) FROM aos.workflow_checkpoints WHERE status = 'suspended') AS suspended,
       (SELECT count(*) FROM aos.approvals WHERE decision IS NULL) AS questions,
       (SELECT coalesce(json_agg(json_build_array(queue, n, oldest_s)), '[]') FROM (
           SELECT queue, count(*) AS n, extract(epoch FROM now() - min(available_at))::float8 AS oldest_s
           FROM aos.workflow_checkpoints WHERE status = 'queued' AND available_at <= now() GROUP BY queue) q) AS due,
       (SELECT coalesce(json_agg(json_build_array(run_id, workflow_id, stale_s)), '[]') FROM (
           SELECT run_id, workflow_id, extract(epoch FROM now() - updated_at)::float8 AS stale_s
           FROM aos.workflow_checkpoints WHERE status = 'running' ORDER BY updated_at, run_id LIMIT $1) s) AS stale
"""

CONTROLS = """
SELECT epoch, stopped, stop_reason,
       (SELECT coalesce(json_agg(json_build_array(skill_id, version, coalesce(disabled_reason, ''))), '[]')
        FROM aos.skill_registry WHERE NOT enabled) AS disabled
FROM aos.controls
"""

SET_STOP = """
WITH changed AS (
    UPDATE aos.controls SET stopped = $1, stop_reason = CASE WHEN $1 THEN $2::text END, updated_by = $3
)
INSERT INTO aos.transitions (by, event, detail)
VALUES ($3, CASE WHEN $1 THEN 'fleet stopped' ELSE 'fleet released' END, $2)
"""

REGISTER_SKILLS = """
INSERT INTO aos.skill_registry (skill_id, version, side_effects, input_schema, output_schema)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::json[], $5::json[])
ON CONFLICT (skill_id, version) DO UPDATE SET
    side_effects = excluded.side_effects, input_schema = excluded.input_schema,
    output_schema = excluded.output_schema, updated_at = now()
WHERE (skill_registry.side_effects, skill_registry.input_schema::text, skill_registry.output_schema::text)
      IS DISTINCT FROM (excluded.side_effects, excluded.input_schema::text, excluded.output_schema::text)
"""

_AUDIT_SKILLS = """
audit AS (
    INSERT INTO aos.transitions (by, event, detail)
    SELECT $5, CASE WHEN $3 THEN 'skill enabled' ELSE 'skill disabled' END, concat_ws(' ', skill_id, version, $4::text)
    FROM changed
)
SELECT version FROM changed
"""

SET_SKILL = f"""
WITH changed AS (
    UPDATE aos.skill_registry SET
        enabled = $3, disabled_reason = CASE WHEN $3 THEN NULL ELSE $4::text END, updated_at = now()
    WHERE skill_id = $1 AND ($2::text IS NULL OR version = $2)
    RETURNING skill_id, version
), {_AUDIT_SKILLS}
"""

ADD_SKILL = f"""
WITH changed AS (
    INSERT INTO aos.skill_registry (skill_id, version, enabled, disabled_reason)
    VALUES ($1, $2, $3, CASE WHEN $3 THEN NULL ELSE $4::text END)
    ON CONFLICT (skill_id, version) DO UPDATE SET
        enabled = excluded.enabled, disabled_reason = excluded.disabled_reason, updated_at = now()
    RETURNING skill_id, version
), {_AUDIT_SKILLS}
"""

SKILLS = """
SELECT skill_id, version, side_effects, enabled, disabled_reason, input_schema, output_schema
FROM aos.skill_registry ORDER BY skill_id, version
"""

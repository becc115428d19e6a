-- Workflows, runs, their heads and steps. Names of tables and columns are those that the runbooks use.

CREATE TABLE workflow_specs (
    spec_hash    text PRIMARY KEY,
    workflow_id  text NOT NULL,
    spec_version text NOT NULL,
    spec_json    json NOT NULL,
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX workflow_specs_newest ON workflow_specs (workflow_id, seq DESC);

-- What a run is. Never changes.
CREATE TABLE workflow_runs (
    run_id             text PRIMARY KEY,
    tenant_id          text NOT NULL,
    workflow_id        text NOT NULL,
    spec_hash          text NOT NULL,
    seed               bigint NOT NULL,
    input_json         json NOT NULL,
    mode               text NOT NULL CHECK (mode IN ('live', 'replay', 'shadow', 'fork')),
    budget_cents       numeric(14, 4),
    idempotency_key    text,
    golden_uri         text,
    target_resource    text,
    labels             jsonb NOT NULL DEFAULT '{}',
    parent_run_id      text,
    parent_step_path   text,
    forked_from_run_id text,
    forked_from_step   integer,
    created_at         timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX workflow_runs_idempotency ON workflow_runs (tenant_id, workflow_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX workflow_runs_parent ON workflow_runs (parent_run_id) WHERE parent_run_id IS NOT NULL;
CREATE INDEX workflow_runs_spec ON workflow_runs (spec_hash);

-- How far a run has come: one row that is written with every commit, so it stays narrow, and no index has a column that
-- every commit changes: the new version of the row then needs no index entry (HOT).
-- step_outputs_json has the last few outputs of the last commit, of large ones hash and size; all are in workflow_steps.
CREATE TABLE workflow_checkpoints (
    run_id            text PRIMARY KEY REFERENCES workflow_runs ON DELETE CASCADE,
    workflow_id       text NOT NULL,
    tenant_id         text NOT NULL DEFAULT 'default',
    next_step_index   integer NOT NULL DEFAULT 0,
    status            text NOT NULL CHECK (status IN
        ('queued', 'running', 'suspended', 'completed', 'failed', 'cancelled', 'quarantined')),
    version           bigint NOT NULL DEFAULT 0,
    last_result_hash  text,
    step_outputs_json json NOT NULL DEFAULT '{}',
    output_json       json,
    draws_json        json,
    reason            text,
    error_code        text,
    error_message     text,
    queue             text NOT NULL DEFAULT 'default',
    priority          integer NOT NULL DEFAULT 100,
    available_at      timestamptz NOT NULL DEFAULT now(),
    attempts          integer NOT NULL DEFAULT 0,
    max_attempts      integer NOT NULL DEFAULT 5,
    lease_owner       text,
    lease_token       text,
    cancel_requested  boolean NOT NULL DEFAULT false,
    started_at        timestamptz,
    completed_at      timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
CREATE INDEX workflow_checkpoints_claim ON workflow_checkpoints (queue, priority, available_at, run_id)
    WHERE status = 'queued';
CREATE INDEX workflow_checkpoints_running ON workflow_checkpoints (lease_owner) WHERE status = 'running';
CREATE INDEX workflow_checkpoints_suspended ON workflow_checkpoints (run_id) WHERE status = 'suspended';

-- An operator who deletes a head means the run: nothing of it is left behind. So the tables that are written with every
-- commit need no foreign key, whose check would cost as much as the insert. aos.by is who deletes, where we know it.
CREATE FUNCTION delete_run_of_head() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO aos.transitions (run_id, by, event, from_state, version, token)
        VALUES (OLD.run_id, coalesce(nullif(current_setting('aos.by', true), ''), session_user), 'deleted', OLD.status,
                OLD.version, nullif(current_setting('aos.token', true), ''));
    DELETE FROM aos.workflow_steps WHERE run_id = OLD.run_id;
    DELETE FROM aos.payloads WHERE run_id = OLD.run_id;
    DELETE FROM aos.checkpoints WHERE run_id = OLD.run_id;
    DELETE FROM aos.workflow_runs WHERE run_id = OLD.run_id;
    RETURN NULL;
END $$;
CREATE TRIGGER workflow_checkpoints_deleted AFTER DELETE ON workflow_checkpoints
    FOR EACH ROW EXECUTE FUNCTION delete_run_of_head();

CREATE TABLE workflow_steps (
    run_id          text NOT NULL,
    step_path       text NOT NULL,
    step_index      integer NOT NULL,
    step_id         text NOT NULL,
    kind            text NOT NULL,
    status          text NOT NULL CHECK (status IN ('completed', 'failed', 'skipped')),
    skill_id        text,
    skill_version   text,
    input_hash      text NOT NULL,
    output_hash     text,
    output_json     json,
    output_digest   text,
    step_hash       text NOT NULL,
    attempt         integer NOT NULL,
    cost_cents      numeric(14, 4) NOT NULL,
    draws_json      json,
    error_code      text,
    error_message   text,
    idempotency_key text,
    worker_id       text NOT NULL,
    started_at      timestamptz,
    completed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, step_path)
);

-- Large outputs, by the SHA-256 of their text: each once in a run. A step that has one has its output_digest.
CREATE TABLE payloads (
    run_id text NOT NULL,
    digest text NOT NULL,
    body   json NOT NULL,
    PRIMARY KEY (run_id, digest)
);

-- One row for each commit.
CREATE TABLE checkpoints (
    run_id          text NOT NULL,
    version         bigint NOT NULL,
    next_step_index integer NOT NULL,
    status          text NOT NULL,
    result_hash     text,
    worker_id       text NOT NULL,
    checkpoint_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, version)
);

-- What was spent, once for each step whatever is repeated.
CREATE TABLE cost_ledger (
    entry_key text PRIMARY KEY,
    tenant_id text NOT NULL,
    run_id    text NOT NULL,
    step_path text NOT NULL,
    cents     numeric(14, 4) NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX cost_ledger_run ON cost_ledger (run_id);
CREATE INDEX cost_ledger_tenant ON cost_ledger (tenant_id, at);

-- What somebody else than the run's worker did to it. Outlives the run. token tells a repetition from a second change.
CREATE TABLE transitions (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    run_id     text,
    by         text NOT NULL,
    event      text NOT NULL,
    from_state text,
    to_state   text,
    version    bigint,
    detail     text,
    token      text
);
CREATE INDEX transitions_run ON transitions (run_id, seq);

CREATE TABLE workers (
    worker_id    text PRIMARY KEY,
    queues       text[] NOT NULL,
    status       text NOT NULL,
    meta         jsonb NOT NULL DEFAULT '{}',
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz NOT NULL DEFAULT now()
);

-- Questions to people, and signals. A signal that nobody has asked for yet has a path that begins with '?'.
CREATE TABLE approvals (
    run_id       text NOT NULL REFERENCES workflow_runs ON DELETE CASCADE,
    step_path    text NOT NULL,
    kind         text NOT NULL,
    name         text NOT NULL,
    request      json NOT NULL,
    decision     text,
    payload      json,
    decided_by   text,
    requested_at timestamptz NOT NULL DEFAULT now(),
    decided_at   timestamptz,
    expires_at   timestamptz,
    token        text,
    PRIMARY KEY (run_id, step_path)
);
CREATE INDEX approvals_open ON approvals (requested_at) WHERE decision IS NULL;

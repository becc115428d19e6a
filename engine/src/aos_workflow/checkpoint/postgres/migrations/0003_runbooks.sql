-- What the runbooks ask for that the tables do not have under these names.

-- PostgreSQL calls these columns relname and indexrelname.
CREATE VIEW pg_stat_user_indexes AS
    SELECT s.*, s.relname AS tablename, s.indexrelname AS indexname FROM pg_catalog.pg_stat_user_indexes s;

CREATE VIEW tasks AS
    SELECT r.run_id AS task_id, r.workflow_id AS flow_type, c.status, c.error_code, c.error_message,
           r.tenant_id, r.created_at, c.updated_at, c.completed_at
    FROM workflow_runs r JOIN workflow_checkpoints c USING (run_id);

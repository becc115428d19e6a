-- What the runbooks ask for that the tables do not have under these names.

-- PostgreSQL calls these columns relname and indexrelname. In a schema of its own, which only operators have in their
-- search path, before pg_catalog: nothing else sees a system view shadowed.
CREATE SCHEMA aos_compat;
CREATE VIEW aos_compat.pg_stat_user_indexes AS
    SELECT s.*, s.relname AS tablename, s.indexrelname AS indexname FROM pg_catalog.pg_stat_user_indexes s;

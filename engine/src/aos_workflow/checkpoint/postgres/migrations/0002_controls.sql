-- What operators switch. The epoch goes up with every change, also by plain SQL, and every commit returns it.

CREATE TABLE controls (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch       bigint NOT NULL DEFAULT 0,
    stopped     boolean NOT NULL DEFAULT false,
    stop_reason text,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    updated_by  text
);
INSERT INTO controls DEFAULT VALUES;

-- version '*' is about every version of a skill.
CREATE TABLE skill_registry (
    skill_id        text NOT NULL,
    version         text NOT NULL DEFAULT '*',
    enabled         boolean NOT NULL DEFAULT true,
    disabled_reason text,
    side_effects    text NOT NULL DEFAULT 'reads',
    input_schema    json,
    output_schema   json,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (skill_id, version)
);

CREATE FUNCTION bump_epoch() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE aos.controls SET epoch = epoch + 1, updated_at = now();
    RETURN NULL;
END $$;
CREATE TRIGGER skill_registry_added AFTER INSERT ON skill_registry
    FOR EACH ROW WHEN (NOT NEW.enabled) EXECUTE FUNCTION bump_epoch();
CREATE TRIGGER skill_registry_changed AFTER UPDATE ON skill_registry
    FOR EACH ROW WHEN ((OLD.skill_id, OLD.version, OLD.enabled, OLD.disabled_reason)
                       IS DISTINCT FROM (NEW.skill_id, NEW.version, NEW.enabled, NEW.disabled_reason))
    EXECUTE FUNCTION bump_epoch();
CREATE TRIGGER skill_registry_removed AFTER DELETE ON skill_registry
    FOR EACH ROW WHEN (NOT OLD.enabled) EXECUTE FUNCTION bump_epoch();
CREATE TRIGGER skill_registry_emptied AFTER TRUNCATE ON skill_registry
    FOR EACH STATEMENT EXECUTE FUNCTION bump_epoch();

CREATE FUNCTION bump_own_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.stopped, NEW.stop_reason) IS DISTINCT FROM (OLD.stopped, OLD.stop_reason) THEN
        NEW.epoch := OLD.epoch + 1;
        NEW.updated_at := now();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER controls_changed BEFORE UPDATE ON controls
    FOR EACH ROW EXECUTE FUNCTION bump_own_epoch();

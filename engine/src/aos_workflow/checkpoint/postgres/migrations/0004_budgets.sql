-- What is spent and held, in ten-thousandths of a cent.

CREATE TABLE budgets (
    key        text PRIMARY KEY,
    spent      bigint NOT NULL DEFAULT 0,
    held       bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- One row for each try that may cost something, so that nothing is charged twice.
CREATE TABLE budget_entries (
    entry_key text PRIMARY KEY,
    units     bigint NOT NULL,
    accounts  text[] NOT NULL,
    settled   boolean NOT NULL DEFAULT false,
    at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX budget_entries_held ON budget_entries (entry_key text_pattern_ops) WHERE NOT settled;

-- Token buckets.
CREATE TABLE rates (
    key    text PRIMARY KEY,
    tokens float8,
    at     timestamptz
);

-- What is kept of attempts at a job that ended early, and indexes by which a claim costs
-- no more when many jobs wait.

-- +goose NO TRANSACTION
-- +goose Up

-- Attempts since the last commit, and those of them that ended for an unexpected error.
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS attempts bigint NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS failures bigint NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS last_error text NOT NULL DEFAULT '';

-- Why the job waits for its next attempt, since when, and until when at least.
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS wait_reason text NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS wait_since timestamptz;
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS wait_until timestamptz;

-- The holder that must not claim it again before a time.
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS avoid_holder text NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS avoid_until timestamptz;

-- When it can be claimed. It is computed, so that no statement can forget it.
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS claimable_at timestamptz
    GENERATED ALWAYS AS (greatest(leased_until, wait_until, '1970-01-01 00:00:00+00'::timestamptz)) STORED;

CREATE INDEX IF NOT EXISTS jobs_claimable ON jobs ((attempts > 0), claimable_at) WHERE ready;
CREATE INDEX IF NOT EXISTS jobs_leased ON jobs (leased_until) WHERE ready;

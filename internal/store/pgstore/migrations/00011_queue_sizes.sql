-- The size of a source is in the index of jobs that can be claimed: a claim of a small job read
-- the rows of all large ones that waited.

-- +goose NO TRANSACTION
-- +goose Up

CREATE INDEX IF NOT EXISTS jobs_claims ON jobs (least(attempts, 1), account, waiting_since, number, claimable_at, size) WHERE ready;
DROP INDEX IF EXISTS jobs_queue;

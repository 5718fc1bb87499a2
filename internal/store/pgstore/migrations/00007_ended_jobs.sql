-- Listings of the jobs that have ended, by their state.

-- +goose NO TRANSACTION
-- +goose Up

CREATE INDEX IF NOT EXISTS jobs_ended ON jobs (account, region, state COLLATE "C", created, id)
    WHERE state IN ('completed', 'failed', 'stopped');

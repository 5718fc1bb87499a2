-- Listings of the jobs into one list that have ended, by their state.

-- +goose NO TRANSACTION
-- +goose Up

CREATE INDEX IF NOT EXISTS jobs_of_list_ended ON jobs (account, region, list COLLATE "C", state COLLATE "C", created, id)
    WHERE state IN ('completed', 'failed', 'stopped');

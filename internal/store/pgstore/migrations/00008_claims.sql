-- Where statistics are older than the jobs that wait, all indexes of few rows look the same to
-- the planner, and a claim used one that has no condition in common with it: it read all
-- jobs that wait, also those that nobody may claim yet. So there is only one that it can use.

-- +goose NO TRANSACTION
-- +goose Up

DROP INDEX IF EXISTS jobs_waiting;
DROP INDEX IF EXISTS jobs_leased;
CREATE INDEX IF NOT EXISTS jobs_leases ON jobs (leased_until) WHERE ready AND leased_until IS NOT NULL;

-- Jobs that can be claimed, by account in the order in which they wait: a claim took longer the
-- more of them there were. As in 00008, it is the only index that the planner can use for it.
-- The planner turns "(attempts > 0) = false" into "attempts <= 0", which no index on
-- (attempts > 0) serves.

-- +goose NO TRANSACTION
-- +goose Up

CREATE INDEX IF NOT EXISTS jobs_queue ON jobs (least(attempts, 1), account, waiting_since, number, claimable_at) WHERE ready;
DROP INDEX IF EXISTS jobs_claimable;

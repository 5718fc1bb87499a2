-- What is asked of jobs must not cost more when many have ended.

-- +goose NO TRANSACTION
-- +goose Up

CREATE INDEX IF NOT EXISTS jobs_unfinished_of_list ON jobs (account, region, kind, list, state)
    WHERE state IN ('created', 'processing');
CREATE INDEX IF NOT EXISTS jobs_unfinished_created ON jobs (account, region, created, id)
    WHERE state IN ('created', 'processing');

-- Listings by list and by API.
CREATE INDEX IF NOT EXISTS jobs_list ON jobs (account, region, list COLLATE "C", created, id);
CREATE INDEX IF NOT EXISTS jobs_wire ON jobs (account, region, wire, created, id);

-- The jobs that were deleted together with their list, see leftovers: the part is jobs
-- then, and the number the list's.
CREATE INDEX IF NOT EXISTS jobs_list_number ON jobs (list_number, number);

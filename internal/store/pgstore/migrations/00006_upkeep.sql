-- What maintenance asks for.

-- +goose NO TRANSACTION
-- +goose Up

-- Who does a task that one server does at a time.
CREATE TABLE IF NOT EXISTS leads (
    task   text COLLATE "C" NOT NULL,
    holder text NOT NULL,
    term   bigint NOT NULL,
    until  timestamptz NOT NULL,
    PRIMARY KEY (task)
);

CREATE INDEX IF NOT EXISTS jobs_finished ON jobs (finished) WHERE finished IS NOT NULL;

-- Jobs by the object that they read. Names of objects may be too long for an index.
CREATE INDEX IF NOT EXISTS jobs_source ON jobs (account, md5(object));

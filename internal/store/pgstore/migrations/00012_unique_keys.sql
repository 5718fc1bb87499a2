-- Names that say what is in a table or a column. Unlike the others, this migration takes
-- away what a server of before it needs: no release has had it.

-- +goose NO TRANSACTION
-- +goose Up

-- Members of the list have unique keys. A list is what it was created as.
ALTER TABLE lists ADD COLUMN IF NOT EXISTS unique_keys boolean NOT NULL DEFAULT false;
UPDATE lists SET unique_keys = true WHERE kind = 'quick-responses';

-- What only one member of a list can have at a time, beside its key. A transaction that
-- writes here has locked the list's row FOR UPDATE.
CREATE TABLE IF NOT EXISTS unique_keys (
    list       bigint NOT NULL,           -- lists.number
    unique_key text COLLATE "C" NOT NULL, -- see key.go for what is no text
    member     text COLLATE "C" NOT NULL, -- members.key
    PRIMARY KEY (list, unique_key)
);
CREATE INDEX IF NOT EXISTS unique_keys_member ON unique_keys (list, member);
CREATE TABLE IF NOT EXISTS words (list bigint NOT NULL, word text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, PRIMARY KEY (list, word));
INSERT INTO unique_keys (list, unique_key, member) SELECT list, word, key FROM words ON CONFLICT DO NOTHING;
DROP TABLE IF EXISTS words;

-- Numbers of jobs and lists that are deleted, and of which rows are still there.
CREATE TABLE IF NOT EXISTS garbage (
    part   text COLLATE "C" NOT NULL, -- jobs (of the list of this number), members, rejects or unique_keys
    number bigint NOT NULL,           -- jobs.number or lists.number
    since  timestamptz NOT NULL,
    PRIMARY KEY (part, number)
);
CREATE TABLE IF NOT EXISTS leftovers (part text COLLATE "C" NOT NULL, number bigint NOT NULL, since timestamptz NOT NULL, PRIMARY KEY (part, number));
INSERT INTO garbage (part, number, since) SELECT CASE part WHEN 'words' THEN 'unique_keys' ELSE part END, number, since FROM leftovers ON CONFLICT DO NOTHING;
DROP TABLE IF EXISTS leftovers;
CREATE TABLE IF NOT EXISTS removals (list bigint NOT NULL, since timestamptz NOT NULL, PRIMARY KEY (list));
INSERT INTO garbage (part, number, since) SELECT 'members', list, since FROM removals ON CONFLICT DO NOTHING;
DROP TABLE IF EXISTS removals;

-- The last operation of a caller, and of a worker: how an operation whose COMMIT was not
-- answered finds out that it was done.
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS caller_op text;
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS worker_op text;
ALTER TABLE jobs DROP COLUMN IF EXISTS changed_by;
ALTER TABLE jobs DROP COLUMN IF EXISTS stepped_by;
ALTER TABLE lists ADD COLUMN IF NOT EXISTS caller_op text;
ALTER TABLE lists DROP COLUMN IF EXISTS changed_by;

-- What jobs keep for their services, jobs that are deleted, and the words of members.

ALTER TABLE jobs ADD COLUMN IF NOT EXISTS config bytea; -- the service's own
-- lists.number of the list that was there when the job was created, if any: the one that it is for.
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS list_number bigint;

-- A deleted job's token is found by what it created.
CREATE INDEX IF NOT EXISTS tokens_id ON tokens (account, region, thing, kind, id COLLATE "C");

-- What only one member of a list can have at a time, beside its key: the names of
-- quick responses, and their shortcut keys. Whoever writes here has locked the list's
-- row, for itself alone.
CREATE TABLE IF NOT EXISTS words (
    list bigint NOT NULL,           -- lists.number
    word text COLLATE "C" NOT NULL, -- see key.go for what is no text
    key  text COLLATE "C" NOT NULL, -- members.key
    PRIMARY KEY (list, word)
);
CREATE INDEX IF NOT EXISTS words_key ON words (list, key);

-- Numbers of jobs and lists that are gone, and of what is not gone with them, yet.
-- Beside removals, which is for members only.
CREATE TABLE IF NOT EXISTS leftovers (
    part   text COLLATE "C" NOT NULL, -- rejects or words
    number bigint NOT NULL,           -- jobs.number or lists.number
    since  timestamptz NOT NULL,
    PRIMARY KEY (part, number)
);

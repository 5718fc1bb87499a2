-- Of a long record that was refused, only the beginning is kept.

-- +goose NO TRANSACTION
-- +goose Up

-- How many bytes the whole record has; null for those that are kept whole.
ALTER TABLE rejects ADD COLUMN IF NOT EXISTS size bigint;

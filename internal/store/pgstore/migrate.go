package pgstore

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// schemaTable is where goose notes which migrations were applied.
	schemaTable = "sluice_schema"

	sqlMakeLocks = `CREATE TABLE IF NOT EXISTS locks (name text NOT NULL, taken timestamptz NOT NULL, PRIMARY KEY (name))`
	// sqlLock makes all who lock the same name wait for each other's transactions.
	sqlLock = `INSERT INTO locks (name, taken) VALUES ($1, clock_timestamp())
		ON CONFLICT (name) DO UPDATE SET taken = excluded.taken`
	sqlVersion = `SELECT version()`
	// sqlBeginLong is for a transaction that is idle while others work under its lock.
	sqlBeginLong = `BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0`
)

// made are what the database says to who makes a table that somebody else just made.
var made = []string{"42P07", "42710", uniqueViolation}

// migrate brings the tables up to date. The transaction that has locked the row
// "schema" keeps other nodes out, and ends with its process at the latest.
func (s *Store) migrate(ctx context.Context) error {
	err := s.retry(ctx, func(*attempt) error {
		// IF NOT EXISTS does not keep nodes that start at once from tripping over each other.
		if _, err := s.pool.Exec(ctx, sqlMakeLocks); err != nil && !slices.Contains(made, code(err)) {
			return err
		}
		tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: sqlBeginLong})
		if err != nil {
			return err
		}
		defer rollback(ctx, tx)
		if _, err := tx.Exec(ctx, sqlLock, "schema"); err != nil {
			return err
		}
		var version string
		if err := tx.QueryRow(ctx, sqlVersion).Scan(&version); err != nil {
			return err
		}
		return s.applyMigrations(ctx, strings.Contains(version, "CockroachDB"))
	})
	if err != nil {
		return fmt.Errorf("bring the database's tables up to date: %w", err)
	}
	return nil
}

func (s *Store) applyMigrations(ctx context.Context, cockroach bool) error {
	db := stdlib.OpenDBFromPool(s.pool)
	defer db.Close()
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if cockroach {
		dir = withoutCollations{dir}
	}
	p, err := goose.NewProvider(
		goose.DialectPostgres, db, dir,
		goose.WithTableName(schemaTable), goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true),
	)
	if err != nil {
		return err
	}
	done, err := p.Up(ctx)
	for _, m := range done {
		s.log.Info("migration applied", "file", m.Source.Path, "took", m.Duration)
	}
	return err
}

// withoutCollations shows migrations to CockroachDB, which orders text by its bytes
// anyway and refuses to be told so for a column, see
// https://github.com/cockroachdb/cockroach/pull/96828.
type withoutCollations struct{ fs.FS }

func (w withoutCollations) Open(name string) (fs.File, error) {
	f, err := w.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return rewritten{f, bytes.NewReader(bytes.ReplaceAll(text, []byte(` COLLATE "C"`), nil))}, nil
}

// rewritten is a file with another text. What Stat says of its size is not asked for.
type rewritten struct {
	fs.File
	text io.Reader
}

func (r rewritten) Read(b []byte) (int, error) { return r.text.Read(b) }

package pgstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
)

// limitedURL returns the URL of an empty database for a user who may have only so many
// connections.
func limitedURL(t *testing.T, connections int) string {
	t.Helper()
	database := pgtest.Start(t)
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	schema := u.Query().Get("search_path")
	exec(t, database, fmt.Sprintf("CREATE ROLE %s LOGIN CONNECTION LIMIT %d; ALTER SCHEMA %[1]s OWNER TO %[1]s", schema, connections))
	u.User = url.User(schema)
	return u.String()
}

// TestStartUsesOneConnection starts servers that share as many connections as there are of
// them: none may have one while it waits for another.
func TestStartUsesOneConnection(t *testing.T) {
	t.Parallel()
	for _, servers := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(servers), func(t *testing.T) {
			t.Parallel()
			database := limitedURL(t, servers)
			var open, all sync.WaitGroup
			open.Add(servers)
			for range servers {
				all.Go(func() {
					s, err := pgstore.Open(ctx, database, pgstore.Options{})
					open.Done()
					if err != nil {
						t.Errorf("Open: %v", err)
						return
					}
					open.Wait() // with their connections
					_ = s.Close()
				})
			}
			all.Wait()
		})
	}
}

// TestStartWaitsForMigrations has another server keep the lock of the migrations.
func TestStartWaitsForMigrations(t *testing.T) {
	t.Parallel()
	database := pgtest.Start(t)
	open(t, database, pgstore.Options{}).Close()
	exec(t, database, `DELETE FROM sluice_schema WHERE version_id > 1`)
	other, err := pgx.Connect(ctx, database)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(ctx)
	if _, err := other.Exec(ctx, `BEGIN; SELECT * FROM locks WHERE name = 'schema' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan struct{})
	log := &triggerLog{word: "waiting for another server", seen: waiting}
	opened := make(chan error, 1)
	go func() {
		s, err := pgstore.Open(ctx, database, pgstore.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Fatalf("Open ended while the lock is another's: %v", err)
	case <-waiting:
	}
	if _, err := other.Exec(ctx, `COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Errorf("Open: %v", err)
	}
	if n := ask(t, database, `SELECT count(*)::text FROM sluice_schema WHERE version_id = 2`); n != "1" {
		t.Errorf("migration 2 was applied %s times, want once", n)
	}

	if _, err := other.Exec(ctx, `BEGIN; DELETE FROM sluice_schema WHERE version_id > 1; COMMIT; BEGIN;
		SELECT * FROM locks WHERE name = 'schema' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	giveUp, cancel := context.WithCancel(ctx)
	log = &triggerLog{word: "waiting for another server", seen: make(chan struct{})}
	go func() {
		_, err := pgstore.Open(giveUp, database, pgstore.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
		opened <- err
	}()
	<-log.seen
	cancel()
	if err := <-opened; !errors.Is(err, context.Canceled) {
		t.Errorf("Open that was given up: %v, want context.Canceled", err)
	}
}

// triggerLog closes a channel when a word is logged.
type triggerLog struct {
	word string
	seen chan struct{}
	once sync.Once
}

func (l *triggerLog) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(l.word)) {
		l.once.Do(func() { close(l.seen) })
	}
	return len(b), nil
}

// TestUpToDateStartNeedsNoLock starts while another server has the lock of the migrations,
// when there are none to apply.
func TestUpToDateStartNeedsNoLock(t *testing.T) {
	t.Parallel()
	database := pgtest.Start(t)
	open(t, database, pgstore.Options{}).Close()
	other, err := pgx.Connect(ctx, database)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(ctx)
	if _, err := other.Exec(ctx, `BEGIN; SELECT * FROM locks WHERE name = 'schema' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	s, err := pgstore.Open(ctx, database, pgstore.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	if err := s.Close(); err != nil || strings.Contains(log.String(), "waiting") {
		t.Errorf("Close: %v; log, want no waiting:\n%s", err, &log)
	}
}

package pgstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pebblestore"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

// TestBothStoresAnswerTheSame does random sequences of operations on this store and on
// pebblestore.
func TestBothStoresAnswerTheSame(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	open(t, url, pgstore.Options{}).Close() // makes the tables
	// A database for each sequence would take most of the time.
	emptied := func(t testing.TB) func() store.Store {
		empty(t, url)
		return func() store.Store { return open(t, url, pgstore.Options{MaxConns: 4, Clock: time.Now}) }
	}
	embedded := func(t testing.TB) func() store.Store {
		fs := vfs.NewMem()
		return func() store.Store {
			s, err := pebblestore.Open("store", pebblestore.Options{FS: fs})
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			return s
		}
	}
	storetest.Compare(t, emptied, embedded)
}

func empty(t testing.TB, url string) {
	t.Helper()
	sql := ""
	for _, table := range []string{"jobs", "rejects", "lists", "members", "unique_keys", "garbage", "tokens", "secrets", "locks"} {
		sql += "DELETE FROM " + table + ";"
	}
	exec(t, url, sql)
}

// exec runs statements as somebody else would, with psql.
func exec(t testing.TB, url, sql string) {
	t.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

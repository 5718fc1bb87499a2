package pgstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

// place is a storetest.Place. The server is started outside of the tests' bubbles, in
// which a process would have to end with the test.
func place(server *pgtest.Server, options string) storetest.Place {
	return func(t testing.TB) func() store.Store {
		url := server.URL(t) + options
		return func() store.Store { return open(t, url, pgstore.Options{MaxConns: 8, Clock: time.Now}) }
	}
}

func open(t testing.TB, url string, o pgstore.Options) *pgstore.Store {
	t.Helper()
	s, err := pgstore.Open(context.Background(), url, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, place(pgtest.Shared(t), ""))
}

// TestStoreWithoutSessions keeps nothing in a session from one statement to the next,
// as behind a pool that gives each transaction another one.
func TestStoreWithoutSessions(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the other way is enough")
	}
	storetest.Run(t, place(pgtest.Shared(t), "&default_query_exec_mode=exec"))
}

func withCancel(t testing.TB) (context.Context, context.CancelFunc) {
	c, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return c, cancel
}

package pgstore_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

// opener is a storetest.Opener. The server is started outside of the tests' bubbles, in
// which a process would have to end with the test.
func opener(server *pgtest.Server, options string) storetest.Opener {
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
	storetest.Run(t, opener(pgtest.Shared(t), ""))
}

// TestStoreWithoutSessions keeps nothing in a session from one statement to the next,
// as behind a pool that gives each transaction another one.
func TestStoreWithoutSessions(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the other way is enough")
	}
	storetest.Run(t, opener(pgtest.Shared(t), "&default_query_exec_mode=exec"))
}

func withCancel(t testing.TB) (context.Context, context.CancelFunc) {
	c, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return c, cancel
}

func TestClaimOfHugeSources(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Start(t), pgstore.Options{})
	defer s.Close()
	j := newJob("j", theList)
	j.Source.Size = 1 << 40
	if _, err := s.CreateJob(ctx, j, store.Once{}, 0); err != nil {
		t.Fatalf("CreateJob: %v", err)
	}
	for most, want := range map[int64]bool{1<<40 - 1: false, 1 << 40: true} {
		waits, err := s.Waiting(ctx, store.Wanted{MaxSize: most})
		if err != nil || waits != want {
			t.Errorf("Waiting for at most %d bytes: %t, %v; want %t", most, waits, err, want)
		}
	}
	if _, ok, err := s.Claim(ctx, store.Wanted{Holder: "w", Lease: time.Minute, MaxSize: 1 << 40}); err != nil || !ok {
		t.Errorf("Claim: %t, %v; want the job", ok, err)
	}
}

// TestCloseGivesUpLeases is about the leases of the store that is closed only: those of
// other nodes stay.
func TestCloseGivesUpLeases(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	leaving, staying := open(t, url, pgstore.Options{}), open(t, url, pgstore.Options{})
	defer staying.Close()
	for _, id := range []string{"j1", "j2"} {
		if _, err := staying.CreateJob(ctx, newJob(id, theList), store.Once{}, 0); err != nil {
			t.Fatalf("CreateJob: %v", err)
		}
	}
	for _, s := range []*pgstore.Store{leaving, staying} {
		if _, ok, err := s.Claim(ctx, store.Wanted{Holder: "w", Lease: time.Hour}); err != nil || !ok {
			t.Fatalf("Claim: %t, %v; want a job", ok, err)
		}
	}
	if err := leaving.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	j, ok, err := staying.Claim(ctx, store.Wanted{Holder: "w", Lease: time.Hour})
	if err != nil || !ok || j.ID != "j1" || j.Lease.Term != 2 {
		t.Errorf("Claim after a node left: %s in term %d, %t, %v; want j1 in term 2", j.ID, j.Lease.Term, ok, err)
	}
	if _, ok, err := staying.Claim(ctx, store.Wanted{Holder: "w", Lease: time.Hour}); err != nil || ok {
		t.Errorf("Claim of a job that a node has: %t, %v; want none", ok, err)
	}
}

func TestRejectsOfOneRecord(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Start(t), pgstore.Options{})
	defer s.Close()
	l := started(t, s, theList, time.Hour)
	first := prepare(t, s, l, record.Position{}, "bad 1")
	for _, p := range []store.Prepared{first, prepare(t, s, l, record.Position{}, "bad 2")} {
		if _, err := s.Commit(ctx, l, p); err != nil {
			t.Fatalf("Commit: %v", err)
		}
	}
	var raw []string
	for r, err := range s.Rejects(ctx, alice, "j") {
		if err != nil {
			t.Fatalf("Rejects: %v", err)
		}
		raw = append(raw, string(r.Raw))
	}
	if len(raw) != 1 || raw[0] != "bad 2" {
		t.Errorf("rejects of one record, committed twice: %q, want the last", raw)
	}
}

// TestWaitingSince is about when a job came to wait, by the database's clock.
func TestWaitingSince(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	for _, id := range []string{"j1", "j2"} {
		if _, err := s.CreateJob(ctx, newJob(id, theList), store.Once{}, 0); err != nil {
			t.Fatalf("CreateJob: %v", err)
		}
	}
	exec(t, url, `UPDATE jobs SET waiting_since = '2020-01-01T00:00:00Z' WHERE id = 'j2'`)
	got, err := s.JobCounts(ctx)
	want := store.JobCounts{Created: 2, Waiting: 2, WaitingSince: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("JobCounts: %+v, %v; want %+v", got, err, want)
	}
}

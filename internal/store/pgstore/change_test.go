package pgstore_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
)

// TestChangeThatNobodyCanKnow loses a change's answer, and somebody else writes the
// member before it is tried again. Whether it was done is not to be found out, and
// doing it once more could be once too often.
func TestChangeThatNobodyCanKnow(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]pgtest.Fault{"done": pgtest.LoseAnswer, "not done": pgtest.LoseRequest} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.Start(t)
			proxy := pgtest.NewProxy(t, url+"&default_query_exec_mode=exec")
			s := open(t, proxy.URL, pgstore.Options{})
			defer s.Close()
			s.KeepIdleTransactions() // or a slow machine ends this one while the other is awaited
			started(t, s, theList, time.Minute)
			if err := s.PutMember(ctx, theList, "a", []byte("1"), time.Now(), store.PutOptions{}); err != nil {
				t.Fatalf("PutMember: %v", err)
			}
			var other sync.WaitGroup
			calls := 0
			_, err := s.ChangeMember(ctx, theList, "a", time.Now(), func(m *store.Member) error {
				calls++
				m.Value = append(m.Value, 'x')
				// The row is locked: the other waits, and is the next to have it.
				other.Go(func() { exec(t, url, "UPDATE members SET value = value || 'y'::bytea") })
				waits(t, url, "members", "UPDATE members SET value = value")
				proxy.ArmBefore("commit", f, other.Wait)
				return nil
			})
			if !fault.Is(err, fault.Unavailable) || calls != 1 {
				t.Errorf("ChangeMember: %v after %d calls, want Unavailable after 1", err, calls)
			}
			want := map[pgtest.Fault]string{pgtest.LoseAnswer: "1xy", pgtest.LoseRequest: "1y"}[f]
			if m, err := s.Member(ctx, theList, "a"); err != nil || string(m.Value) != want {
				t.Errorf("Member: %q, %v; want %q", m.Value, err, want)
			}
		})
	}
}

// waits returns when a statement about a table waits for a lock.
func waits(t *testing.T, url, table, statement string) {
	t.Helper()
	for range 1000 {
		const sql = `SELECT count(*)::text FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '`
		if ask(t, url, sql+statement+`%' AND datname = current_database() AND pid IN (
			SELECT pid FROM pg_locks WHERE relation = '`+table+`'::regclass)`) == "1" {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Errorf("after 10 s nobody waits with %s", statement)
}

// TestListingGoesOn breaks the connection while a listing looks at members. None may
// be missing, or come twice.
func TestListingGoesOn(t *testing.T) {
	t.Parallel()
	const n = 20_000
	proxy := pgtest.NewProxy(t, pgtest.Start(t))
	s := open(t, proxy.URL, pgstore.Options{})
	defer s.Close()
	l := started(t, s, theList, time.Minute)
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprintf("put k%05d 1", i))
	}
	if _, err := s.Commit(ctx, l, prepare(t, s, l, record.Position{}, texts...)); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	looked := 0
	match := func(store.Member) bool {
		if looked++; looked%1500 == 0 {
			proxy.Break()
		}
		return true
	}
	page, next, err := s.ListMembers(ctx, theList, store.MemberFilter{Match: match}, store.Page{Limit: 10_000})
	if err != nil || len(page) != 10_000 || next == "" {
		t.Fatalf("ListMembers: %d members, token %q, %v; want 10000 and a token", len(page), next, err)
	}
	rest, next, err := s.ListMembers(ctx, theList, store.MemberFilter{Match: match}, store.Page{Limit: 10_000, After: next})
	if err != nil || len(rest) != n-10_000 || next != "" {
		t.Fatalf("ListMembers of the rest: %d members, token %q, %v; want %d and none", len(rest), next, err, n-10_000)
	}
	for i, m := range append(page, rest...) {
		if want := fmt.Sprintf("k%05d", i); m.Key != want {
			t.Fatalf("member %d is %s, want %s", i, m.Key, want)
		}
	}
}

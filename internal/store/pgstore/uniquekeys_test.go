package pgstore_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

// putNamed puts a member with a name, which is a unique key.
func putNamed(s store.Store, key, name string) error {
	return s.PutMember(ctx, theBase, key, []byte(name), time.Now(), store.PutOptions{Unique: storetest.UniqueKeys([]byte(name))})
}

// prepareNamed prepares puts of "KEY NAME".
func prepareNamed(t testing.TB, s store.Store, l job.Lease, from record.Position, puts ...string) store.Prepared {
	t.Helper()
	b := &store.Batch{At: time.Now(), UniqueKeys: true}
	var texts []string
	for _, put := range puts {
		key, name, _ := strings.Cut(put, " ")
		texts = append(texts, fmt.Sprintf("put %s %s", key, name))
	}
	storetest.Fill(b, from, texts...)
	p, err := s.Prepare(ctx, l, b)
	if err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	return p
}

func TestLostConnectionsWithUniqueKeys(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T, s store.Store) (job.Lease, store.Prepared) {
		l := started(t, s, theBase, time.Minute)
		for _, key := range []string{"a", "b"} {
			if err := putNamed(s, key, "of "+key); err != nil {
				t.Fatalf("PutMember: %v", err)
			}
		}
		return l, prepareNamed(t, s, l, record.Position{}, "a new", "c of a", "d of b", "e new")
	}
	lose(t, begin, []loss{
		{"Commit", "commit", func(s store.Store, l job.Lease, p store.Prepared) error {
			counts, err := s.Commit(ctx, l, p)
			if want := (job.Counts{Imported: 2, Rejected: 2}); err == nil && counts != want {
				err = fmt.Errorf("counts are %+v, want %+v", counts, want)
			}
			return err
		}},
		{"Commit, among the unique keys", "INSERT INTO unique_keys", func(s store.Store, l job.Lease, p store.Prepared) error {
			_, err := s.Commit(ctx, l, p)
			return err
		}},
		{"PutMember", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			return putNamed(s, "a", "new")
		}},
		{"ChangeMember", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			_, err := s.ChangeMember(ctx, theBase, "a", time.Now(), func(m *store.Member) error {
				m.Value = append(m.Value, '+')
				m.Unique = storetest.UniqueKeys(m.Value)
				return nil
			})
			return err
		}},
		{"DeleteMember", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			return s.DeleteMember(ctx, theBase, "a")
		}},
		{"DeleteList", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			return s.DeleteList(ctx, theBase)
		}},
	})
}

var isolationLevels = []string{"read committed", "repeatable read", "serializable"}

func atLevel(url, level string) string {
	return url + "&default_transaction_isolation=" + strings.ReplaceAll(level, " ", "%20")
}

// TestNodesShareALimit puts more members at once than a list may have, one by one and in
// a batch.
func TestNodesShareALimit(t *testing.T) {
	t.Parallel()
	for _, level := range isolationLevels {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			const puts, most = 20, 5
			s := open(t, atLevel(pgtest.Start(t), level), pgstore.Options{MaxConns: 8, Patience: time.Minute})
			defer s.Close()
			l := started(t, s, theList, time.Hour)
			b := &store.Batch{At: time.Now(), MaxMembers: most}
			storetest.Fill(b, record.Position{}, "put x 1", "put y 1", "put z 1")
			p, err := s.Prepare(ctx, l, b)
			if err != nil {
				t.Fatalf("Prepare: %v", err)
			}
			var work sync.WaitGroup
			for i := range puts {
				work.Go(func() {
					err := s.PutMember(ctx, theList, fmt.Sprint("k", i), nil, time.Now(), store.PutOptions{Max: most})
					if err != nil && !fault.Is(err, fault.LimitExceeded) {
						t.Errorf("PutMember: %v", err)
					}
				})
			}
			work.Go(func() {
				if _, err := s.Commit(ctx, l, p); err != nil {
					t.Errorf("Commit: %v", err)
				}
			})
			work.Wait()
			all, _, err := s.ListMembers(ctx, theList, store.MemberFilter{}, store.Page{Limit: 100})
			if err != nil || len(all) != most {
				t.Errorf("there are %d members, %v; want %d", len(all), err, most)
			}
		})
	}
}

// TestNodesShareUniqueKeys has nodes take the same unique keys from each other, one by one and in
// batches. Nobody may have one that another has, whatever the isolation level.
func TestNodesShareUniqueKeys(t *testing.T) {
	t.Parallel()
	for _, level := range isolationLevels {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			const nodes, turns, names = 3, 12, 5
			url := pgtest.Start(t)
			var all []*pgstore.Store
			for range nodes {
				s := open(t, atLevel(url, level), pgstore.Options{MaxConns: 4, Patience: time.Minute})
				defer s.Close()
				all = append(all, s)
			}
			l := started(t, all[0], theBase, time.Hour)
			var work sync.WaitGroup
			for n, s := range all {
				work.Go(func() {
					for i := range turns {
						if err := takeName(s, fmt.Sprint("k", (n+i)%4), fmt.Sprint("n", (n*i+i)%names), i); err != nil {
							t.Errorf("node %d: %v", n, err)
						}
					}
				})
			}
			work.Go(func() {
				from := record.Position{}
				for i := range turns {
					var puts []string
					for k := range names {
						puts = append(puts, fmt.Sprintf("k%d n%d", (i+k)%6, (2*i+k)%names))
					}
					if _, err := all[0].Commit(ctx, l, prepareNamed(t, all[0], l, from, puts...)); err != nil {
						t.Errorf("Commit %d: %v", i, err)
					}
					from.Record += names
				}
			})
			work.Wait()
			agree(t, url, all[0])
		})
	}
}

// takeName puts, changes or deletes a member.
func takeName(s store.Store, key, name string, i int) (err error) {
	switch i % 3 {
	case 0:
		err = putNamed(s, key, name)
	case 1:
		_, err = s.ChangeMember(ctx, theBase, key, time.Now(), func(m *store.Member) error {
			m.Value, m.Unique = []byte(name), storetest.UniqueKeys([]byte(name))
			return nil
		})
	default:
		err = s.DeleteMember(ctx, theBase, key)
	}
	if fault.Is(err, fault.AlreadyExists) || fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// agree checks that the unique keys in the table are those of the members.
func agree(t *testing.T, url string, s store.Store) {
	t.Helper()
	members, _, err := s.ListMembers(ctx, theBase, store.MemberFilter{}, store.Page{Limit: 100})
	if err != nil {
		t.Fatalf("ListMembers: %v", err)
	}
	var want []string
	for _, m := range members {
		want = append(want, m.Key+"=name "+string(m.Value))
	}
	const sql = `SELECT coalesce(string_agg(member || '=' || unique_key, ', ' ORDER BY member), '') FROM unique_keys`
	if got := ask(t, url, sql); got != strings.Join(want, ", ") {
		t.Errorf("unique keys in the table:\n got %s\nwant %s", got, strings.Join(want, ", "))
	}
}

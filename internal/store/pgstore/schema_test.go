package pgstore_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
)

func TestNodesOpenAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	secrets := make([]string, 6)
	var all sync.WaitGroup
	for i := range secrets {
		all.Go(func() {
			s, err := pgstore.Open(ctx, url, pgstore.Options{MaxConns: 2})
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			defer s.Close()
			secret, err := s.Secret(ctx, "s")
			if err != nil {
				t.Errorf("Secret: %v", err)
			}
			secrets[i] = string(secret)
		})
	}
	all.Wait()
	for _, s := range secrets {
		if s != secrets[0] || s == "" {
			t.Fatalf("secrets of nodes differ: %q", secrets)
		}
	}
}

// TestNewerSchema opens a database that a later release has been at: it may have
// tables and columns more.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	open(t, url, pgstore.Options{}).Close()
	exec(t, url, `INSERT INTO sluice_schema (version_id, is_applied) VALUES (2, true);
		ALTER TABLE jobs ADD COLUMN later text NOT NULL DEFAULT 'x';
		ALTER TABLE members ADD COLUMN later bigint;
		ALTER TABLE rejects ADD COLUMN later bigint;
		ALTER TABLE lists ADD COLUMN later text; CREATE TABLE later (n bigint)`)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	l := started(t, s, theList, time.Minute)
	counts, err := s.Commit(ctx, l, prepare(t, s, l, record.Position{}, "put a 1", "bad b"))
	if want := (job.Counts{Imported: 1, Rejected: 1}); err != nil || counts != want {
		t.Errorf("Commit: %+v, %v; want %+v", counts, err, want)
	}
}

// TestTablesCanBeJoined is what a team does with them.
func TestTablesCanBeJoined(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	l := started(t, s, theList, time.Minute)
	if _, err := s.Commit(ctx, l, prepare(t, s, l, record.Position{}, "put jo@example.com 1", "bad b", "put al@example.com 2")); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	for sql, want := range map[string]string{
		`SELECT string_agg(m.key, ' ' ORDER BY m.key) FROM members m JOIN lists l ON l.number = m.list
			WHERE l.account = '111111111111' AND l.name = 'name'`: "al@example.com jo@example.com",
		`SELECT string_agg(r.reason || ' ' || r.record, ' ') FROM rejects r JOIN jobs j ON j.number = r.job WHERE j.id = 'j'`: "the record says so 2",
		`SELECT state || ' ' || imported || ' ' || rejected FROM jobs`:                                                        "processing 2 1",
	} {
		if got := ask(t, url, sql); got != want {
			t.Errorf("%s:\n got %s\nwant %s", sql, got, want)
		}
	}
}

// ask asks as somebody else would, with psql.
func ask(t testing.TB, url, sql string) (answer string) {
	t.Helper()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer c.Close(ctx)
	if err := c.QueryRow(ctx, sql).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

func TestDeletedMembersAreRemoved(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	l := started(t, s, theList, time.Hour)
	var texts []string
	for i := range 25_000 { // more than are removed at once
		texts = append(texts, fmt.Sprintf("put k%d 1", i))
	}
	if _, err := s.Commit(ctx, l, prepare(t, s, l, record.Position{}, texts...)); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	if err := s.DeleteList(ctx, theList); err != nil {
		t.Fatalf("DeleteList: %v", err)
	}
	if _, err := s.CreateList(ctx, newList(theList), store.Once{}, 0); err != nil {
		t.Fatalf("CreateList: %v", err)
	}
	if err := s.PutMember(ctx, theList, "k1", nil, time.Now(), store.PutOptions{}); err != nil {
		t.Fatalf("PutMember: %v", err)
	}
	run, stop := withCancel(t)
	var all sync.WaitGroup
	all.Go(func() {
		if err := s.Run(run); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	const left = `SELECT (SELECT count(*) FROM members) || ' members, ' || (SELECT count(*) FROM removals) || ' removals'`
	const want = "1 members, 0 removals"
	for tries := 0; ask(t, url, left) != want; tries++ {
		if tries > 600 {
			t.Fatalf("a minute later: %s, want %s", ask(t, url, left), want)
		}
		<-time.After(100 * time.Millisecond)
	}
	stop()
	all.Wait()
}

// TestManyJobsOneList imports from several jobs into one list at once, the same members
// in different orders, while somebody deletes some of them.
func TestManyJobsOneList(t *testing.T) {
	t.Parallel()
	const jobs, batches, members = 4, 6, 300
	s := open(t, pgtest.Start(t), pgstore.Options{Patience: time.Minute})
	defer s.Close()
	leases := []job.Lease{started(t, s, theList, time.Hour)}
	for i := 1; i < jobs; i++ {
		if _, err := s.CreateJob(ctx, newJob(fmt.Sprint("j", i), theList), store.Once{}, 0); err != nil {
			t.Fatalf("CreateJob: %v", err)
		}
		j, ok, err := s.Claim(ctx, store.Wanted{Holder: "w", Lease: time.Hour})
		if err != nil || !ok {
			t.Fatalf("Claim: %t, %v; want a job", ok, err)
		}
		leases = append(leases, j.Lease)
	}
	var all sync.WaitGroup
	for n, l := range leases {
		all.Go(func() {
			at := record.Position{}
			for i := range batches {
				var texts []string
				for k := range members {
					verb := "put"
					if n == jobs-1 {
						verb = "del"
					}
					texts = append(texts, fmt.Sprintf("%s k%d %d", verb, (k*(7+2*n)+i)%members, n))
				}
				if _, err := s.Commit(ctx, l, prepare(t, s, l, at, append(texts, "bad x")...)); err != nil {
					t.Errorf("Commit %d of job %d: %v", i, n, err)
					return
				}
				at.Record += members + 1
			}
		})
	}
	all.Go(func() {
		for i := range 200 {
			err := s.DeleteMember(ctx, theList, fmt.Sprint("k", i))
			if err != nil && !fault.Is(err, fault.NotFound) {
				t.Errorf("DeleteMember: %v", err)
			}
		}
	})
	all.Wait()
	for _, l := range leases {
		j, err := s.Job(ctx, alice, l.Job)
		if want := (job.Counts{Imported: batches * members, Rejected: batches}); err != nil || j.Counts != want {
			t.Errorf("counts of job %s: %+v, %v; want %+v", l.Job, j.Counts, err, want)
		}
	}
}

func TestTextThatIsNone(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Start(t), pgstore.Options{})
	defer s.Close()
	l := started(t, s, theList, time.Hour)
	j := newJob("j2", theList)
	j.Name = "a\x00"
	if _, err := s.CreateJob(ctx, j, store.Once{}, 0); !fault.Is(err, fault.Invalid) {
		t.Errorf("CreateJob with a NUL in its name: %v, want Invalid", err)
	}
	got, err := s.Finish(ctx, l, store.Outcome{State: job.Failed, Error: "cannot read \"\x00\xff\""})
	if want := "cannot read \"\uFFFD\uFFFD\""; err != nil || got.Error != want {
		t.Errorf("Finish: error %q, %v; want %q", got.Error, err, want)
	}
}

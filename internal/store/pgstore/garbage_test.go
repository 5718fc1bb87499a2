package pgstore_test

import (
	"fmt"
	"strings"
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

// many is more than are removed at once.
const many = 25_000

func repeated(format string) []string {
	texts := make([]string, many)
	for i := range texts {
		texts[i] = fmt.Sprintf(strings.ReplaceAll(format, "#", "%[1]d"), i)
	}
	return texts
}

func TestDeletedMembersAreRemoved(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	l := started(t, s, theList, time.Hour)
	if _, err := s.Commit(ctx, l, prepare(t, s, l, record.Position{}, repeated("put k# 1")...)); err != nil {
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
	removed(t, url, s, "members 1, rejects 0, unique keys 0")
}

func TestDeletedUniqueKeysAreRemoved(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	l := started(t, s, theBase, time.Hour)
	if _, err := s.Commit(ctx, l, prepareNamed(t, s, l, record.Position{}, repeated("k# n#")...)); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	if err := s.DeleteList(ctx, theBase); err != nil {
		t.Fatalf("DeleteList: %v", err)
	}
	if _, err := s.CreateList(ctx, newList(theBase), store.Once{}, 0); err != nil {
		t.Fatalf("CreateList: %v", err)
	}
	if err := putNamed(s, "k2", "n1"); err != nil {
		t.Fatalf("PutMember: %v", err)
	}
	removed(t, url, s, "members 1, rejects 0, unique keys 1")
}

// TestDeletedJobsAreRemoved is about jobs that are deleted together with their list, and
// about those that take an ID or a token over before the rows are removed.
func TestDeletedJobsAreRemoved(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	l := started(t, s, theBase, time.Hour)
	if _, err := s.Commit(ctx, l, prepareNamed(t, s, l, record.Position{}, "k1 n1", "k2 n1")); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	if _, err := s.ChangeJob(ctx, alice, l.Job, stop); err != nil {
		t.Fatalf("ChangeJob: %v", err)
	}
	exec(t, url, fmt.Sprintf(`INSERT INTO jobs (account, region, id, wire, name, kind, list, action,
		bucket, object, version, etag, size, format, state, ready, error, report, created, list_number)
		SELECT account, region, 'more' || n, wire, name, kind, list, action,
		bucket, object, version, etag, size, format, state, ready, error, report, created, list_number
		FROM jobs, generate_series(1, %d) AS n;
		INSERT INTO tokens (account, region, thing, kind, token, input, id)
		SELECT account, region, 'job', wire, 't-' || id, '', id FROM jobs`, many))
	if err := s.DeleteListWithJobs(ctx, theBase); err != nil {
		t.Fatalf("DeleteListWithJobs: %v", err)
	}
	if _, err := s.CreateList(ctx, newList(theBase), store.Once{}, 0); err != nil {
		t.Fatalf("CreateList: %v", err)
	}
	for id, token := range map[string]string{"more7": "", "new": "t-more8"} {
		j, err := s.CreateJob(ctx, newJob(id, theBase), store.Once{Token: token, Input: "other"}, 0)
		if err != nil || j.ID != job.ID(id) {
			t.Fatalf("CreateJob %s: %s, %v; want it", id, j.ID, err)
		}
	}
	removed(t, url, s, "members 0, rejects 0, unique keys 0")
	got := ask(t, url, `SELECT (SELECT string_agg(id, ' ' ORDER BY id) FROM jobs) || ', ' || (SELECT string_agg(token || ' of ' || id, ' ') FROM tokens)`)
	if want := "more7 new, t-more8 of new"; got != want {
		t.Errorf("jobs and tokens: %s, want %s", got, want)
	}
}

func TestDeletedRejectsAreRemoved(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	s := open(t, url, pgstore.Options{})
	defer s.Close()
	l := started(t, s, theList, time.Hour)
	if _, err := s.Commit(ctx, l, prepare(t, s, l, record.Position{}, repeated("bad k#")...)); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	if _, err := s.ChangeJob(ctx, alice, l.Job, stop); err != nil {
		t.Fatalf("ChangeJob: %v", err)
	}
	var last error
	read := 0
	for _, err := range s.Rejects(ctx, alice, l.Job) {
		if last = err; err == nil {
			read++
		}
		if read == 1 && err == nil { // with the rest unread
			if err := s.DeleteJob(ctx, alice, l.Job); err != nil {
				t.Fatalf("DeleteJob: %v", err)
			}
		}
	}
	if !fault.Is(last, fault.NotFound) {
		t.Errorf("Rejects of a job that is deleted meanwhile: %v after %d, want NotFound", last, read)
	}
	if _, err := s.CreateJob(ctx, newJob("j", theList), store.Once{}, 0); err != nil {
		t.Fatalf("CreateJob: %v", err)
	}
	j, ok, err := s.Claim(ctx, store.Wanted{Holder: "w", Lease: time.Hour})
	if err != nil || !ok {
		t.Fatalf("Claim: %t, %v; want a job", ok, err)
	}
	if _, err := s.Commit(ctx, j.Lease, prepare(t, s, j.Lease, record.Position{}, "bad k1")); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	removed(t, url, s, "members 0, rejects 1, unique keys 0")
}

// removed runs Run until all is removed that was left behind, and wants the rest to be
// there.
func removed(t *testing.T, url string, s *pgstore.Store, want string) {
	t.Helper()
	run, stop := withCancel(t)
	var all sync.WaitGroup
	all.Go(func() {
		if err := s.Run(run); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	const sql = `SELECT 'members ' || (SELECT count(*) FROM members) || ', rejects ' || (SELECT count(*) FROM rejects) ||
		', unique keys ' || (SELECT count(*) FROM unique_keys) || ', left ' || (SELECT count(*) FROM garbage)`
	for tries := 0; ask(t, url, sql) != want+", left 0"; tries++ {
		if tries > 600 {
			t.Fatalf("a minute later: %s, want %s, left 0", ask(t, url, sql), want)
		}
		<-time.After(100 * time.Millisecond)
	}
	stop()
	all.Wait()
}

// TestListMadeAnewStays loses a deletion's answer, and somebody else makes a list of
// the same ID before it is tried again. That list is not the one to delete.
func TestListMadeAnewStays(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	proxy := pgtest.NewProxy(t, url+"&default_query_exec_mode=exec")
	s := open(t, proxy.URL, pgstore.Options{})
	defer s.Close()
	if _, err := s.CreateList(ctx, newList(theList), store.Once{}, 0); err != nil {
		t.Fatalf("CreateList: %v", err)
	}
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer c.Close(ctx)
	// The deletion waits at its second statement, and the other for the first one's end.
	if _, err := c.Exec(ctx, "BEGIN; LOCK TABLE garbage IN EXCLUSIVE MODE"); err != nil {
		t.Fatalf("lock: %v", err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		if err := s.DeleteList(ctx, theList); err != nil {
			t.Errorf("DeleteList: %v", err)
		}
	})
	waits(t, url, "garbage", "INSERT INTO garbage")
	all.Go(func() {
		exec(t, url, `INSERT INTO lists (account, region, kind, id, name, created, updated)
			SELECT '`+alice.Account+`', '`+alice.Region+`', '`+string(theList.Kind)+`', '`+theList.ID+`', 'new', now(), now()`)
	})
	waits(t, url, "lists", "INSERT INTO lists")
	proxy.Arm("commit", pgtest.LoseAnswer)
	if _, err := c.Exec(ctx, "ROLLBACK"); err != nil {
		t.Fatalf("unlock: %v", err)
	}
	all.Wait()
	if proxy.Struck() != 1 {
		t.Fatalf("the connection broke %d times, want once", proxy.Struck())
	}
	if l, err := s.List(ctx, theList); err != nil || l.Name != "new" {
		t.Errorf("List: %q, %v; want the new one", l.Name, err)
	}
}

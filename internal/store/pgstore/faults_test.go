package pgstore_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
)

// TestLostConnections breaks the connection at the worst moment of each step: the
// server has not heard of it, or has done it and cannot say so. Either way it must
// have been done once.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T, s store.Store) (job.Lease, store.Prepared) {
		l := started(t, s, theList, time.Minute)
		ended(t, s, "old")
		if err := s.PutMember(ctx, theList, "a", []byte("1"), time.Now(), store.PutOptions{}); err != nil {
			t.Fatalf("PutMember: %v", err)
		}
		return l, prepare(t, s, l, record.Position{}, "put a 3", "bad 1", "del b", "put c 3", "bad 2")
	}
	lose(t, begin, []loss{
		{"Commit", "commit", func(s store.Store, l job.Lease, p store.Prepared) error {
			counts, err := s.Commit(ctx, l, p)
			if want := (job.Counts{Imported: 3, Rejected: 2}); err == nil && counts != want {
				err = fmt.Errorf("counts are %+v, want %+v", counts, want)
			}
			return err
		}},
		{"Commit, among the members", "unnest", func(s store.Store, l job.Lease, p store.Prepared) error {
			_, err := s.Commit(ctx, l, p)
			return err
		}},
		{"CreateJob", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			_, err := s.CreateJob(ctx, newJob("j2", theList), store.Once{}, 2)
			return err
		}},
		{"CreateJob with a token", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			_, err := s.CreateJob(ctx, newJob("j2", theList), store.Once{Token: "t"}, 2)
			return err
		}},
		{"ChangeJob", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			_, err := s.ChangeJob(ctx, alice, "j", stop)
			return err
		}},
		{"Claim", "chosen", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			_, _, err := s.Claim(ctx, store.Wanted{Holder: "w", Lease: time.Minute})
			return err
		}},
		{"Begin", "commit", func(s store.Store, l job.Lease, _ store.Prepared) error {
			_, err := s.Begin(ctx, l, job.Source{Version: "v"})
			return err
		}},
		{"Renew", "holder", func(s store.Store, l job.Lease, _ store.Prepared) error {
			_, err := s.Renew(ctx, l, time.Minute)
			return err
		}},
		{"Release", "waiting_since = clock_timestamp()", func(s store.Store, l job.Lease, _ store.Prepared) error {
			return s.Release(ctx, l)
		}},
		{"Finish", "commit", func(s store.Store, l job.Lease, _ store.Prepared) error {
			_, err := s.Finish(ctx, l, store.Outcome{State: job.Completed})
			return err
		}},
		{"CreateList", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			l := newList(theList)
			l.Ref.ID, l.Name = "l2", "n2"
			_, err := s.CreateList(ctx, l, store.Once{}, 2)
			return err
		}},
		{"ChangeList", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			_, err := s.ChangeList(ctx, theList, func(l *store.List) error { l.Name += "+"; return nil })
			return err
		}},
		{"DeleteList", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			return s.DeleteList(ctx, theList)
		}},
		{"PutMember", "INSERT INTO members", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			return s.PutMember(ctx, theList, "a", []byte("2"), time.Now(), store.PutOptions{})
		}},
		{"DeleteMember", "DELETE FROM members", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			return s.DeleteMember(ctx, theList, "a")
		}},
		{"Member", "LEFT JOIN members", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			_, err := s.Member(ctx, theList, "a")
			return err
		}},
		{"Secret", "INSERT INTO secrets", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			_, err := s.Secret(ctx, "s")
			return err
		}},
		{"ChangeMember", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			return extended(s, theList, "a")
		}},
		{"DeleteJob", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			return s.DeleteJob(ctx, alice, "old")
		}},
		{"Lead", "INSERT INTO leads", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			term, ok, err := s.Lead(ctx, "maintenance", "w", time.Minute)
			if err == nil && (term != 1 || !ok) {
				err = fmt.Errorf("term %d, %t; want 1, true", term, ok)
			}
			return err
		}},
		{"UnfinishedIDs", "SELECT account, region, created, id", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			return onlyUnfinished(s, "j")
		}},
		{"EndedJobs", "finished < $1", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			jobs, err := s.EndedJobs(ctx, time.Now().Add(time.Hour), 9)
			if err == nil && (len(jobs) != 1 || jobs[0].ID != "old") {
				err = fmt.Errorf("jobs %+v have ended, want old", jobs)
			}
			return err
		}},
		{"SourceUse", "max(finished)", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			_, err := s.SourceUse(ctx, alice.Account, "b", "k")
			return err
		}},
		{"ListMembers", "ORDER BY key", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			all, _, err := s.ListMembers(ctx, theList, store.MemberFilter{}, store.Page{Limit: 9})
			if err == nil && len(all) != 1 {
				err = fmt.Errorf("there are %d members, want 1", len(all))
			}
			return err
		}},
	})
}

// onlyUnfinished returns an error unless the given job alone has not ended.
func onlyUnfinished(s store.Store, want job.ID) error {
	var ids []job.ID
	for id, err := range s.UnfinishedIDs(ctx) {
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	if !slices.Equal(ids, []job.ID{want}) {
		return fmt.Errorf("unfinished are %q, want %s", ids, want)
	}
	return nil
}

// TestServerCrashes imports, and writes single members, while the server loses power
// now and then. All that was acknowledged must be there, and counts be exact.
func TestServerCrashes(t *testing.T) {
	t.Parallel()
	const batches, crashes = 60, 3
	server := pgtest.New(t)
	s := open(t, server.URL(t), pgstore.Options{Patience: time.Minute})
	defer s.Close()
	l := started(t, s, theList, 10*time.Minute)
	every := batches / (crashes + 1)
	reached := make(chan struct{}, batches)
	var all sync.WaitGroup
	all.Go(func() {
		for range crashes {
			for range every {
				<-reached
			}
			server.Restart(t)
		}
	})
	stop := make(chan struct{})
	put := 0
	all.Go(func() {
		for ; ; put++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := s.PutMember(ctx, theList, fmt.Sprintf("single%d", put), nil, time.Now(), store.PutOptions{}); err != nil {
				t.Errorf("PutMember: %v", err)
				return
			}
		}
	})
	var at record.Position
	for i := range batches {
		var texts []string
		for k := range 200 {
			texts = append(texts, fmt.Sprintf("put k%d %d", (i*7+k)%500, i))
		}
		p := prepare(t, s, l, at, append(texts, "bad x")...)
		if _, err := s.Commit(ctx, l, p); err != nil {
			t.Errorf("Commit %d: %v", i, err)
			break
		}
		at.Record += 201
		reached <- struct{}{}
	}
	close(stop)
	all.Wait()
	j, err := s.Job(ctx, alice, "j")
	if want := (job.Counts{Imported: batches * 200, Rejected: batches}); err != nil || j.Counts != want {
		t.Errorf("counts are %+v, %v; want %+v", j.Counts, err, want)
	}
	if got := members(t, s); got != 500+put {
		t.Errorf("there are %d members, want %d", got, 500+put)
	}
	rejects := 0
	for _, err := range s.Rejects(ctx, alice, "j") {
		if err != nil {
			t.Fatalf("Rejects: %v", err)
		}
		rejects++
	}
	if rejects != batches {
		t.Errorf("there are %d rejects, want %d", rejects, batches)
	}
	t.Run("and stays away", func(t *testing.T) { staysAway(t, server) })
}

// members counts the list's members, which are more than a page when batches were slow.
func members(t *testing.T, s store.Store) (total int) {
	t.Helper()
	page := store.Page{Limit: 10_000}
	for {
		got, next, err := s.ListMembers(ctx, theList, store.MemberFilter{}, page)
		if err != nil {
			t.Fatalf("ListMembers: %v", err)
		}
		total += len(got)
		if page.After = next; next == "" {
			return total
		}
	}
}

func staysAway(t *testing.T, server *pgtest.Server) {
	s := open(t, server.URL(t), pgstore.Options{Patience: 3 * time.Second})
	defer s.Close()
	server.Crash(t)
	if _, err := s.Secret(ctx, "s"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Secret without a database: %v, want Unavailable", err)
	}
	if err := s.Ping(ctx); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Ping without a database: %v, want Unavailable", err)
	}
	server.Resume(t)
	if _, err := s.Secret(ctx, "s"); err != nil {
		t.Errorf("Secret when it is back: %v, want no error", err)
	}
}

// TestFrozenNode freezes a node in the middle of a commit. Its job goes to another node
// when its lease is over, and what it tries when it wakes up changes nothing.
func TestFrozenNode(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	proxy := pgtest.NewProxy(t, url)
	frozen, other := open(t, proxy.URL, pgstore.Options{}), open(t, url, pgstore.Options{})
	defer other.Close()
	defer frozen.Close()
	l := started(t, frozen, theList, time.Second)
	p := prepare(t, frozen, l, record.Position{}, "put a frozen", "bad 1")
	proxy.Arm("commit", pgtest.Freeze)
	outcome := make(chan error)
	go func() {
		_, err := frozen.Commit(ctx, l, p)
		outcome <- err
	}()
	var taken job.Job
	for ok, tries := false, 0; !ok; tries++ {
		var err error
		if taken, ok, err = other.Claim(ctx, store.Wanted{Holder: "o", Lease: time.Minute}); err != nil {
			t.Fatalf("Claim: %v", err)
		}
		if tries > 300 {
			t.Fatal("the job was not to be had within 15 s")
		}
		<-time.After(50 * time.Millisecond)
	}
	if (taken.Counts != job.Counts{}) {
		t.Errorf("counts after the take-over are %+v, want none", taken.Counts)
	}
	if _, err := other.Commit(ctx, taken.Lease, prepare(t, other, taken.Lease, record.Position{}, "put a other")); err != nil {
		t.Errorf("Commit by the other node: %v", err)
	}
	proxy.Thaw()
	if err := <-outcome; !fault.Is(err, fault.LeaseLost) {
		t.Errorf("Commit by the frozen node: %v, want LeaseLost", err)
	}
	if m, err := other.Member(ctx, theList, "a"); err != nil || string(m.Value) != "other" {
		t.Errorf("a is %q, %v; want what the other node put", m.Value, err)
	}
}

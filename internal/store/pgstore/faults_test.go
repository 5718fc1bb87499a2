package pgstore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/destination"
	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

var (
	alice   = job.Owner{Account: "111111111111", Region: "eu-west-1"}
	theList = store.ListRef{Owner: alice, Kind: destination.AddressList, ID: "l"}
	ctx     = context.Background()
)

func newJob(id string) job.Job {
	return job.Job{
		ID: job.ID(id), Owner: alice, Wire: job.MailManager, State: job.Created, Ready: true, Created: time.Now(),
		Destination: job.Destination{Kind: destination.AddressList, List: "l", Action: destination.Put},
	}
}

func newList() store.List {
	return store.List{Ref: theList, Name: "name", Created: time.Now(), Updated: time.Now()}
}

// started makes a list, and a job into it that is being worked on.
func started(t testing.TB, s store.Store, lease time.Duration) job.Lease {
	t.Helper()
	if _, err := s.CreateList(ctx, newList(), store.Once{}, 0); err != nil {
		t.Fatalf("CreateList: %v", err)
	}
	if _, err := s.CreateJob(ctx, newJob("j"), store.Once{}, 0); err != nil {
		t.Fatalf("CreateJob: %v", err)
	}
	j, ok, err := s.Claim(ctx, store.Wanted{Holder: "w", Lease: lease})
	if err != nil || !ok {
		t.Fatalf("Claim: %t, %v; want a job", ok, err)
	}
	if _, err := s.Begin(ctx, j.Lease, job.Source{}); err != nil {
		t.Fatalf("Begin: %v", err)
	}
	return j.Lease
}

func prepare(t testing.TB, s store.Store, l job.Lease, from record.Position, texts ...string) store.Prepared {
	t.Helper()
	b := &store.Batch{At: time.Now()}
	storetest.Fill(b, from, texts...)
	p, err := s.Prepare(ctx, l, b)
	if err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	return p
}

// TestLostConnections breaks the connection at the worst moment of each step: the
// server has not heard of it, or has done it and cannot say so. Either way it must
// have been done once.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	for _, c := range []struct {
		name string
		word string // of the request that is lost
		do   func(s store.Store, l job.Lease, p store.Prepared) error
	}{
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
			_, err := s.CreateJob(ctx, newJob("j2"), store.Once{}, 2)
			return err
		}},
		{"CreateJob with a token", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			_, err := s.CreateJob(ctx, newJob("j2"), store.Once{Token: "t"}, 2)
			return err
		}},
		{"ChangeJob", "commit", func(s store.Store, _ job.Lease, _ store.Prepared) error {
			_, err := s.ChangeJob(ctx, alice, "j", func(j *job.Job) error { return j.Become(job.Stopped, time.Now()) })
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
			l := newList()
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
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var states []string
			for _, f := range []pgtest.Fault{-1, pgtest.LoseRequest, pgtest.LoseAnswer} {
				proxy := pgtest.NewProxy(t, server.URL(t)+"&default_query_exec_mode=exec")
				s := open(t, proxy.URL, pgstore.Options{})
				defer s.Close()
				l := started(t, s, time.Minute)
				if err := s.PutMember(ctx, theList, "a", []byte("1"), time.Now(), store.PutOptions{}); err != nil {
					t.Fatalf("PutMember: %v", err)
				}
				p := prepare(t, s, l, record.Position{}, "put a 3", "bad 1", "del b", "put c 3", "bad 2")
				if f >= 0 {
					proxy.Arm(c.word, f)
				}
				if err := c.do(s, l, p); err != nil {
					t.Fatalf("fault %d: %v, want no error", f, err)
				}
				if n := proxy.Struck(); f >= 0 && n != 1 {
					t.Fatalf("fault %d: the connection broke %d times, want once", f, n)
				}
				states = append(states, state(t, s))
			}
			for i, got := range states[1:] {
				if got != states[0] {
					t.Errorf("after fault %d:\n got %s\nwant %s", i, got, states[0])
				}
			}
		})
	}
}

// state shows all that the tests here change, but for times.
func state(t testing.TB, s store.Store) string {
	t.Helper()
	text := ""
	jobs, _, err := s.ListJobs(ctx, alice, store.JobFilter{}, store.Page{Limit: 10})
	if err != nil {
		t.Fatalf("ListJobs: %v", err)
	}
	for _, j := range jobs {
		text += fmt.Sprintf("job %s %s %+v %+v %s term %d live %t", j.ID, j.State, j.Counts, j.Checkpoint, j.Source.Version, j.Lease.Term, j.Lease.Live(time.Now()))
		for r, err := range s.Rejects(ctx, alice, j.ID) {
			text += fmt.Sprintf(" reject %d %v", r.Record, err)
		}
	}
	lists, _, err := s.ListLists(ctx, alice, destination.AddressList, store.Page{Limit: 10})
	if err != nil {
		t.Fatalf("ListLists: %v", err)
	}
	for _, l := range lists {
		text += fmt.Sprintf(" list %s %s", l.Ref.ID, l.Name)
		members, _, err := s.ListMembers(ctx, l.Ref, store.MemberFilter{}, store.Page{Limit: 10})
		if err != nil {
			t.Fatalf("ListMembers: %v", err)
		}
		for _, m := range members {
			text += fmt.Sprintf(" %s=%s", m.Key, m.Value)
		}
	}
	return text
}

// TestServerCrashes imports, and writes single members, while the server loses power
// now and then. All that was acknowledged must be there, and counts be exact.
func TestServerCrashes(t *testing.T) {
	t.Parallel()
	const batches, crashes = 60, 3
	server := pgtest.New(t)
	s := open(t, server.URL(t), pgstore.Options{Patience: time.Minute})
	defer s.Close()
	l := started(t, s, 10*time.Minute)
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
	members, _, err := s.ListMembers(ctx, theList, store.MemberFilter{}, store.Page{Limit: 10_000})
	if err != nil || len(members) != 500+put {
		t.Errorf("there are %d members, %v; want %d", len(members), err, 500+put)
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

func staysAway(t *testing.T, server *pgtest.Server) {
	s := open(t, server.URL(t), pgstore.Options{Patience: 50 * time.Millisecond})
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
	l := started(t, frozen, time.Second)
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

package pgstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/record"
	"github.com/sluicehq/sluice/internal/store"
	"github.com/sluicehq/sluice/internal/store/pgstore"
	"github.com/sluicehq/sluice/internal/store/pgstore/pgtest"
	"github.com/sluicehq/sluice/internal/store/storetest"
)

var (
	alice   = job.Owner{Account: "111111111111", Region: "eu-west-1"}
	theList = store.ListRef{Owner: alice, Kind: job.AddressList, ID: "l"}
	theBase = store.ListRef{Owner: alice, Kind: job.QuickResponses, ID: "b"} // its members have unique keys
	ctx     = context.Background()
)

func newJob(id string, into store.ListRef) job.Job {
	return job.Job{
		ID: job.ID(id), Owner: alice, Wire: job.MailManager, State: job.Created, Ready: true, Created: time.Now(),
		Destination: job.Destination{Kind: into.Kind, List: into.ID, Action: job.Put},
	}
}

func newList(r store.ListRef) store.List {
	return store.List{Ref: r, Name: "name", Created: time.Now(), Updated: time.Now(), UniqueKeys: r == theBase}
}

// started makes a list, and a job into it that is being worked on.
func started(t testing.TB, s store.Store, r store.ListRef, lease time.Duration) job.Lease {
	t.Helper()
	if _, err := s.CreateList(ctx, newList(r), store.Once{}, 0); err != nil {
		t.Fatalf("CreateList: %v", err)
	}
	if _, err := s.CreateJob(ctx, newJob("j", r), store.Once{}, 0); err != nil {
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

// ended makes a job that was stopped.
func ended(t testing.TB, s store.Store, id string) {
	t.Helper()
	if _, err := s.CreateJob(ctx, newJob(id, theList), store.Once{Token: "of " + id}, 0); err != nil {
		t.Fatalf("CreateJob: %v", err)
	}
	if _, err := s.ChangeJob(ctx, alice, job.ID(id), stop); err != nil {
		t.Fatalf("ChangeJob: %v", err)
	}
}

func stop(j *job.Job) error { return j.Become(job.Stopped, time.Now()) }

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

// loss is a step, and the word of its request at which the connection is lost.
type loss struct {
	name, word string
	do         func(s store.Store, l job.Lease, p store.Prepared) error
}

// lose does each step undisturbed, and with its connection lost in both ways.
func lose(t *testing.T, begin func(*testing.T, store.Store) (job.Lease, store.Prepared), losses []loss) {
	server := pgtest.Shared(t)
	for _, c := range losses {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var states []string
			for _, f := range []pgtest.Fault{-1, pgtest.LoseRequest, pgtest.LoseAnswer} {
				url := server.URL(t)
				proxy := pgtest.NewProxy(t, url+"&default_query_exec_mode=exec")
				s := open(t, proxy.URL, pgstore.Options{})
				defer s.Close()
				l, p := begin(t, s)
				if f >= 0 {
					proxy.Arm(c.word, f)
				}
				if err := c.do(s, l, p); err != nil {
					t.Fatalf("fault %d: %v, want no error", f, err)
				}
				if n := proxy.Struck(); f >= 0 && n != 1 {
					t.Fatalf("fault %d: the connection broke %d times, want once", f, n)
				}
				states = append(states, state(t, s)+ask(t, url, sqlHidden))
			}
			for i, got := range states[1:] {
				if got != states[0] {
					t.Errorf("after fault %d:\n got %s\nwant %s", i, got, states[0])
				}
			}
		})
	}
}

// sqlHidden shows what callers do not see.
const sqlHidden = `SELECT ' unique keys ' || coalesce((SELECT string_agg(unique_key || '=' || member, ', ' ORDER BY unique_key) FROM unique_keys), '') ||
	' left ' || (SELECT count(*) FROM garbage) || ' tokens ' || (SELECT count(*) FROM tokens)`

// extended changes a member in a way that shows if it is done twice.
func extended(s store.Store, r store.ListRef, key string) error {
	_, err := s.ChangeMember(ctx, r, key, time.Now(), func(m *store.Member) error {
		m.Value = append(m.Value, 'x')
		return nil
	})
	return err
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
	var lists []store.List
	for _, k := range []job.Kind{theList.Kind, theBase.Kind} {
		some, _, err := s.ListLists(ctx, alice, k, store.Page{Limit: 10})
		if err != nil {
			t.Fatalf("ListLists: %v", err)
		}
		lists = append(lists, some...)
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

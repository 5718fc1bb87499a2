// Package storetest is the definition of package store: what Run checks is promised,
// and what it does not check is not.
//
// In comes a backend as an Opener, out come failures that say what was tried. New is
// the contract once more, as plainly as it can be written, in memory; Compare runs
// one random sequence of operations against two stores and wants the same answers.
package storetest

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
	"github.com/sluicehq/sluice/internal/store"
)

// Opener makes a new store and returns what opens it. It
// is opened again only after it was closed, and then has what it had.
type Opener func(t testing.TB) (open func() store.Store)

// test is one promise.
type test struct {
	name string
	run  func(f *fixture)
}

// Run checks a backend. Every test has a store of its own and runs in a bubble of
// testing/synctest, where time passes only when all wait for it.
func Run(t *testing.T, opener Opener) {
	t.Helper()
	for _, tests := range [][]test{
		jobTests, jobListTests, tokenTests, deletionTests, withJobsTests, claimTests, leaseTests, postponeTests, commitTests, coalesceTests,
		limitTests, listTests, memberTests, changeTests, uniqueKeyTests, conflictTests, wholeTests, upkeepTests,
	} {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f := &fixture{T: t, ctx: t.Context(), open: opener(t)}
					f.Store = f.open()
					defer func() { f.Store.Close() }()
					test.run(f)
				})
			})
		}
	}
}

// fixture is a test and its store.
type fixture struct {
	*testing.T
	store.Store
	ctx  context.Context
	open func() store.Store
}

// reopen closes the store and opens it again.
func (f *fixture) reopen() {
	f.Helper()
	f.ok("Close", f.Store.Close())
	f.Store = f.open()
}

func (f *fixture) ok(what string, err error) {
	f.Helper()
	if err != nil {
		f.Fatalf("%s: %v, want no error", what, err)
	}
}

func (f *fixture) fails(what string, err error, want fault.Kind) {
	f.Helper()
	if !fault.Is(err, want) {
		f.Fatalf("%s: %v, want %v", what, err, want)
	}
}

// lacks wants an error that says what is missing: store.ErrNoList or store.ErrNoMember.
func (f *fixture) lacks(missing error, what string, err error) {
	f.Helper()
	if !errors.Is(err, missing) || !fault.Is(err, fault.NotFound) {
		f.Fatalf("%s: %v, want %v", what, err, missing)
	}
}

func (f *fixture) equal(what string, got, want any) {
	f.Helper()
	if !reflect.DeepEqual(got, want) {
		f.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// Owners that differ in account, in region, and in where one field ends and the
// next begins.
var (
	alice    = job.Owner{Account: "111111111111", Region: "eu-west-1"}
	faraway  = job.Owner{Account: "111111111111", Region: "us-east-1"}
	bob      = job.Owner{Account: "222222222222", Region: "eu-west-1"}
	tricky   = job.Owner{Account: "1111111111", Region: "11eu-west-1"}
	everyone = []job.Owner{alice, faraway, bob, tricky}
)

const minute = time.Minute

// newJob is a job that imports into list "l" of its owner and may be claimed.
func newJob(o job.Owner, id string) job.Job {
	return job.Job{
		ID: job.ID(id), Owner: o, Wire: job.SESv2, Name: "name of " + id,
		Destination: job.Destination{Kind: job.AddressList, List: "l", Action: job.Put},
		Source:      job.Source{Bucket: "b", Key: "k", Format: "CSV"},
		State:       job.Created, Ready: true, Created: time.Now(),
	}
}

func (f *fixture) create(j job.Job) job.Job {
	f.Helper()
	stored, err := f.CreateJob(f.ctx, j, store.Once{}, 0)
	f.ok("CreateJob "+string(j.ID), err)
	return stored
}

func (f *fixture) job(o job.Owner, id string) job.Job {
	f.Helper()
	j, err := f.Job(f.ctx, o, job.ID(id))
	f.ok("Job "+id, err)
	return j
}

func listRef(o job.Owner, id string) store.ListRef {
	return store.ListRef{Owner: o, Kind: job.AddressList, ID: id}
}

func newList(o job.Owner, id string) store.List {
	return store.List{Ref: listRef(o, id), Name: "name of " + id, Created: time.Now(), Updated: time.Now()}
}

// list makes a list.
func (f *fixture) list(o job.Owner, id string) store.ListRef {
	f.Helper()
	l, err := f.CreateList(f.ctx, newList(o, id), store.Once{}, 0)
	f.ok("CreateList "+id, err)
	return l.Ref
}

var wanted = store.Wanted{Holder: "w", Lease: minute}

func (f *fixture) claim() job.Job {
	f.Helper()
	j, ok, err := f.Claim(f.ctx, wanted)
	f.ok("Claim", err)
	if !ok {
		f.Fatalf("Claim: found no job, want one")
	}
	return j
}

func (f *fixture) noClaim(why string) {
	f.Helper()
	j, ok, err := f.Claim(f.ctx, wanted)
	f.ok("Claim", err)
	if ok {
		f.Fatalf("Claim %s: got job %s, want none", why, j.ID)
	}
	waits, err := f.Waiting(f.ctx, wanted)
	f.ok("Waiting", err)
	f.equal("Waiting "+why, waits, false)
}

// started makes list "l" and a job into it, and claims and begins the job.
func (f *fixture) started(o job.Owner, id string) (store.ListRef, job.Lease) {
	f.Helper()
	r := f.list(o, "l")
	f.create(newJob(o, id))
	l := f.claim().Lease
	_, err := f.Begin(f.ctx, l, job.Source{Bucket: "b", Key: "k", Format: "CSV", Version: "v"})
	f.ok("Begin", err)
	return r, l
}

func canceled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

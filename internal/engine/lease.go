package engine

import (
	"context"
	"sync"
	"time"

	"github.com/sluicehq/sluice/internal/fault"
	"github.com/sluicehq/sluice/internal/job"
)

// beat is how often a worker looks after its job: whether it was stopped, whether
// the lease wants to be renewed, whether a batch has waited long enough.
const beat = 250 * time.Millisecond

// errLeaseOver ends the work on a job whose lease could not be renewed in time.
var errLeaseOver = fault.New(fault.LeaseLost, "the lease ran out")

// lease is the right to work on a job, as this worker may trust it. Until is by the
// store's clock and is not looked at: the worker counts from when it asked, by its
// own, and stops a fifth of the lease early.
type lease struct {
	term time.Duration
	over *time.Timer // ends the work when the lease is not trusted any more

	mu    sync.Mutex
	held  job.Lease
	asked time.Time
}

// newLease trusts a lease of the given term, asked for at asked, and calls over when
// it does so no longer.
func newLease(l job.Lease, term time.Duration, asked time.Time, over func()) *lease {
	return &lease{term: term, held: l, asked: asked, over: time.AfterFunc(time.Until(asked.Add(term*4/5)), over)}
}

// now returns the lease as it was last renewed.
func (l *lease) now() job.Lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

func (l *lease) due() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.asked) >= l.term/3
}

func (l *lease) renewed(held job.Lease, asked time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held, l.asked = held, asked
	l.over.Reset(time.Until(asked.Add(l.term * 4 / 5)))
}

// keep looks after the job until ctx is done, and calls lost if the job is not this
// worker's any more.
func (r *run) keep(ctx context.Context, lost context.CancelCauseFunc) {
	ticker := time.NewTicker(min(beat, r.lease.term/6))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		r.beats.Add(1)
		if err := r.check(ctx); fault.Is(err, fault.LeaseLost) || fault.Is(err, fault.NotFound) {
			lost(err)
			return
		}
		if r.engine.options.Waits() != "" {
			r.yield.Store(true)
		}
		r.giveWay(ctx)
	}
}

// check renews the lease if it is time, or else asks whether it is still the job's:
// reading is cheaper than renewing, and a stop shall be seen soon. An error of no
// kind is left to the next beat.
func (r *run) check(ctx context.Context) error {
	held := r.lease.now()
	if r.lease.due() {
		asked := time.Now()
		l, err := r.engine.store.Renew(ctx, held, r.lease.term)
		if err == nil {
			r.lease.renewed(l, asked)
		}
		return err
	}
	j, err := r.engine.store.Job(ctx, held.Owner, held.Job)
	if err != nil {
		return err
	}
	return r.ours(j)
}

// ours tells whether the lease is still the job's, as far as the job shows.
func (r *run) ours(j job.Job) error {
	if j.State.Final() || j.Lease.Term != r.lease.now().Term {
		return fault.New(fault.LeaseLost, "job %s is %s, at term %d", j.ID, j.State, j.Lease.Term)
	}
	return nil
}

// giveWay asks the reader to end with its batch if the slice is over and another job
// waits for the place.
func (r *run) giveWay(ctx context.Context) {
	until := r.sliceEnd.Load()
	if until == nil || time.Now().Before(*until) || r.yield.Load() {
		return
	}
	if waiting, err := r.engine.store.Waiting(ctx, r.engine.wanted(r.place)); err == nil && waiting {
		r.yield.Store(true)
	}
}
